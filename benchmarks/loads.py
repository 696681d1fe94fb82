"""Compiles the load program and runs it against one server."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import Server

__all__ = ["BUILD", "Load", "LoadFailed", "LoadReport", "compile_load", "finish"]

_HERE = Path(__file__).parent
BUILD = _HERE / "build"
_PROGRAM = BUILD / "load"
_ACCEPT = (
    "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, */*"
)
# Some operations end long after the time for beginning them; none takes so long.
_PATIENCE_SECONDS = 180


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
    """Bytes of each content pushed, or of each blob that slices are cut of."""
    chunk: int = 0
    """Send it chunked in pieces of so many bytes, as docker does; 0: with a Content-Length."""
    slice: int = 0
    """Get ranges of so many bytes in turn; 0: whole blobs."""
    count: int = 0
    """Operations at most; 0: as many as the time allows."""
    rate: int = 0
    """Bytes a second that each client moves at most; 0: as many as it can."""
    expect: int = 200
    """The status of answers to `get` and `head`."""
    cut: bool = False
    """When the time is over stop in the middle and count what came; otherwise what began goes on to its end."""

    def start(
        self, address: str, tls: bool, seconds: float, repository: str, scratch: Path | None = None, *headers: str
    ) -> subprocess.Popen[str]:
        """Start the load program; it begins no operation after so many seconds.

        With a scratch folder, memory that pushes will fill has been used shortly before.
        """
        options = [f"--clients={self.clients}", f"--seconds={seconds}"]
        options += [f"--header={header}" for header in (_ACCEPT, *headers)]
        numbers = ("size", "chunk", "slice", "count", "rate", "expect")
        options += [f"--{name}={value}" for name in numbers if (value := getattr(self, name))]
        options += [f"--{name}" for name, wanted in (("tls", tls), ("cut", self.cut)) if wanted]
        if scratch and self.verb == "push":
            options.append(f"--scratch={scratch}")
        targets = (repository,) if self.verb == "push" else self.paths
        command = [str(_PROGRAM), *options, self.verb, address, *targets]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, server: Server, seconds: float, repository: str = "", scratch: Path | None = None) -> LoadReport:
        """Start it with what the server wants to be told, and wait for its end."""
        return finish(self.start(server.address, server.tls, seconds, repository, scratch, *server.headers))


def finish(process: subprocess.Popen[str]) -> LoadReport:
    """Wait for a load; raise LoadFailed when it met an answer it was not made for, or none."""
    try:
        output, complaint = process.communicate(timeout=_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        raise LoadFailed(f"no end after {_PATIENCE_SECONDS} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
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
