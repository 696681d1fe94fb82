"""Compiles the load program and runs it against one server."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BUILD", "Load", "LoadFailed", "LoadReport", "compile_load", "finish"]

_HERE = Path(__file__).parent
BUILD = _HERE / "build"
_PROGRAM = BUILD / "load"
_ACCEPT = (
    "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, */*"
)


class LoadFailed(Exception):
    """The server did not answer as the load expects; carries what the load program said."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What the load program counted; sizes in bytes, times in seconds."""

    operations: int
    bytes: int
    seconds: float
    client_cpu: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Load:
    """What clients do over connections that they keep."""

    verb: str
    """`get` or `head` the paths in turn, or `push` contents to a repository of the harness's choice."""
    paths: tuple[str, ...] = ()
    clients: int = 1
    size: int = 0
    """Bytes of each content pushed."""
    chunk: int = 0
    """Send it chunked in pieces of so many bytes, as docker does; 0: with a Content-Length."""
    count: int = 0
    """Operations at most; 0: as many as the time allows."""
    rate: int = 0
    """Bytes a second that each client moves at most; 0: as many as it can."""

    def start(
        self, address: str, tls: bool, seconds: float, repository: str, scratch: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start the load program; it begins no operation after so many seconds.

        With a scratch folder, memory that pushes will fill has been used shortly before.
        """
        options = [f"--clients={self.clients}", f"--seconds={seconds}", f"--header={_ACCEPT}"]
        options += [
            f"--{name}={value}"
            for name, value in (("size", self.size), ("chunk", self.chunk), ("count", self.count), ("rate", self.rate))
            if value
        ]
        if tls:
            options.append("--tls")
        if scratch and self.verb == "push":
            options.append(f"--scratch={scratch}")
        targets = (repository,) if self.verb == "push" else self.paths
        command = [str(_PROGRAM), *options, self.verb, address, *targets]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> LoadReport:
    """Wait for a load; raise LoadFailed when it met an answer it was not made for."""
    output, complaint = process.communicate()
    if process.returncode:
        raise LoadFailed(complaint.strip())
    return LoadReport(**json.loads(output))


def compile_load() -> None:
    """Compile the load program unless it is newer than its sources."""
    BUILD.mkdir(exist_ok=True)
    files = sorted((_HERE / "load").iterdir())
    if _PROGRAM.exists() and _PROGRAM.stat().st_mtime > max(file.stat().st_mtime for file in files):
        return
    sources = [str(file) for file in files if file.suffix == ".c"]
    command = ["cc", "-O2", "-Wall", "-Wextra", "-std=gnu11", "-o", str(_PROGRAM), *sources, "-lssl", "-lcrypto"]
    subprocess.run(command, check=True)
