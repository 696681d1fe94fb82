"""The registry as a process of its own, for tests that need its sockets, its signals and its exit status."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
SERVE = (sys.executable, "-c", "import sys; from txregistry.cli.main import main; sys.exit(main())", "serve")
TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")

# How long anything may take before the test gives up, in seconds.
LIMIT = 30.0


def environment() -> dict[str, str]:
    """Of the test, without what would configure the server or tell it of a service manager."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "NOTIFY_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def configured(folder: Path, more: str = "", addr: str = "127.0.0.1:0") -> str:
    """The path of a configuration over `folder`/data; the system chooses the port."""
    path = folder / "config.yml"
    path.write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\nhttp:\n  addr: {addr}\n{more}"
    )
    return str(path)


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A command that is expected to end by itself."""
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=LIMIT, check=False
    )


class Process:
    """A server in the foreground; leaves no process behind."""

    def __init__(
        self, command: Sequence[str], folder: Path, more: dict[str, str] | None = None, inherit: Sequence[int] = ()
    ) -> None:
        self._stdout = folder / "stdout"
        self.log = ""
        with open(self._stdout, "wb") as stdout:
            self._popen = subprocess.Popen(
                command,
                cwd=folder,
                env=environment() | (more or {}),
                stdout=stdout,
                stderr=subprocess.PIPE,
                pass_fds=inherit,
            )

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait()
        if self._popen.stderr is not None:
            self._popen.stderr.close()

    @property
    def stdout(self) -> str:
        """What was written so far: the access log."""
        return self._stdout.read_text()

    def read_until(self, pattern: str) -> re.Match[str]:
        """Wait until the log has it; fail when the process ends before or takes too long."""
        assert self._popen.stderr is not None
        while not (found := re.search(pattern, self.log)):
            ready, _, _ = select.select([self._popen.stderr], [], [], LIMIT)
            data = os.read(self._popen.stderr.fileno(), 1 << 16) if ready else b""
            assert data, f"no {pattern!r} in:\n{self.log}"
            self.log += data.decode()
        return found

    def port(self) -> int:
        """Wait until it listens."""
        return int(self.read_until(r"address=127\.0\.0\.1:(\d+)")[1])

    def signal(self, number: signal.Signals) -> None:
        """Send it."""
        self._popen.send_signal(number)

    def status(self) -> int:
        """Wait for the end; the log is complete then."""
        _, rest = self._popen.communicate(timeout=LIMIT)
        self.log += rest.decode()
        return self._popen.returncode


class Client:
    """One connection that sends and receives bytes."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self._received = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """All of it."""
        self._socket.sendall(data)

    def answer(self) -> str:
        """The head of the next answer; its body must be empty or fit with it in what is received."""
        while b"\r\n\r\n" not in self._received:
            data = self._socket.recv(1 << 16)
            assert data, f"closed after {self._received!r}"
            self._received += data
        head, _, rest = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        self._received = rest[int(length[1]) if length else 0 :]
        return head.decode()

    def closed(self) -> bool:
        """Wait until the server has closed the connection, and tell whether it sent nothing before."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True
