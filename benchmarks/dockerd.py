"""A Docker daemon of our own, and images of many layers for it that nobody has seen before."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["Docker", "DockerFailed", "image_archive", "running_dockerd"]

_START_SECONDS = 30
_STOP_SECONDS = 20
_COMMAND_SECONDS = 180


class DockerFailed(Exception):
    """There is no daemon, or a command failed; carries what was said."""


@dataclass(frozen=True, slots=True)
class Docker:
    """The command, for one daemon."""

    socket: Path

    def run(self, *arguments: str, archive: bytes | None = None) -> None:
        """Run `docker …`, with an archive as its input; raise DockerFailed."""
        command = ["docker", "-H", f"unix://{self.socket}", *arguments]
        try:
            done = subprocess.run(command, input=archive, capture_output=True, timeout=_COMMAND_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise DockerFailed(str(failure)) from failure
        if done.returncode:
            raise DockerFailed(f"docker {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")


@contextmanager
def running_dockerd(folder: Path) -> Iterator[Docker]:
    """A daemon without a network, with its images in the folder; raise DockerFailed where there can be none."""
    program = shutil.which("dockerd")
    if program is None or os.geteuid() != 0:
        raise DockerFailed("dockerd is needed, and to be root")
    folder.mkdir(parents=True)
    # Sockets of containerd lie below; the kernel's limit of 108 bytes for their paths is soon reached elsewhere.
    with TemporaryDirectory(prefix="bench-", dir="/tmp") as sockets, (folder / "log").open("wb") as log:
        docker = Docker(Path(sockets) / "docker.sock")
        command = [program, "--bridge=none", "--iptables=false", "--ip6tables=false", f"--data-root={folder / 'data'}"]
        command += [f"--exec-root={sockets}/exec", f"--pidfile={sockets}/docker.pid", "-H", f"unix://{docker.socket}"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            _await_start(process, docker)
            yield docker
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            # It mounts its folder on itself, and may leave it so.
            while (folder / "data").is_mount():
                subprocess.run(["umount", "-l", folder / "data"], check=True)


def _await_start(process: subprocess.Popen[bytes], docker: Docker) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(DockerFailed):
            docker.run("version")
            return
        time.sleep(0.1)
    raise DockerFailed("dockerd does not start")


def image_archive(reference: str, layers: int, size: int) -> bytes:
    """What `docker load` takes: an image whose layers hold random bytes, so that none can be shared or compressed."""
    contents = [_tar({f"layer-{number}": secrets.token_bytes(size)}) for number in range(layers)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in contents]},
    }
    names = [f"{number}/layer.tar" for number in range(layers)]
    described = [{"Config": "config.json", "RepoTags": [reference], "Layers": names}]
    files = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(described).encode()}
    return _tar({**files, **dict(zip(names, contents, strict=True))})


def _tar(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()
