"""A Docker daemon of our own: no network, its folders beside it, nothing shared with the machine's."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from tests.live.support.tools import absent, require, require_root, run

START_LIMIT = 30.0
STOP_LIMIT = 15.0


@frozen
class Docker:
    """Runs the docker command against the daemon."""

    socket: Path
    binary: str
    configuration: Path

    def __call__(self, *arguments: str) -> str:
        """What it prints; a failure fails the test."""
        return run(
            self.binary,
            "--config",
            str(self.configuration),
            "-H",
            f"unix://{self.socket}",
            *arguments,
            # The classic builder needs no plugin and no network.
            DOCKER_BUILDKIT="0",
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The same beside other work."""
        command = [self.binary, "--config", str(self.configuration), "-H", f"unix://{self.socket}", *arguments]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@contextmanager
def running_dockerd(folder: Path) -> Iterator[Docker]:
    """The daemon as long as the context lasts, with its images in the folder."""
    require_root("dockerd")
    daemon, docker = require("dockerd"), require("docker")
    folder.mkdir(parents=True, exist_ok=True)
    data, log = folder / "data", folder / "dockerd.log"
    # Sockets of containerd lie below; the kernel's limit of 108 bytes for their paths is soon reached elsewhere.
    with TemporaryDirectory(prefix="dockerd-", dir="/tmp") as sockets:
        command = Docker(Path(sockets) / "docker.sock", docker, folder / "configuration")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    daemon,
                    "--bridge=none",
                    "--iptables=false",
                    "--ip6tables=false",
                    f"--data-root={data}",
                    f"--exec-root={sockets}/exec",
                    f"--pidfile={sockets}/docker.pid",
                    "-H",
                    f"unix://{command.socket}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _await_start(process, command, log)
            yield command
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            # The daemon mounts its folder on itself, and may leave it so; it could not be removed.
            while data.is_mount():
                run("umount", "-l", str(data))


def _await_start(process: subprocess.Popen[bytes], docker: Docker, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        answer = subprocess.run(
            [docker.binary, "-H", f"unix://{docker.socket}", "version"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if answer.returncode == 0:
            return
        time.sleep(0.1)
    absent(f"dockerd does not start here: {log.read_text(errors='replace')[-1000:]}")
