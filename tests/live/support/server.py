"""Starts and stops a registry, ours or a peer's, on a free port of this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from tests.live.support.client import Client
from tests.live.support.tools import ROOT, require

START_LIMIT = 20.0
STOP_LIMIT = 20.0

_DEFECT = re.compile(r"Traceback|Unhandled|panic|\bcritical\b|level=fatal", re.IGNORECASE)


class Server:
    """One registry over one data folder; a context manager that leaves no process behind.

    `kind` is `txregistry`, `registry2` (Debian's docker-registry 2.8.2) or `registry3` (Distribution 3.1.2). `settings`
    are merged over a configuration with deletion enabled. `wrapper` is a command that runs the server's. With an
    `authority` the server speaks TLS under the name `host`. The port stays the same over restarts.
    """

    def __init__(
        self,
        kind: str,
        workspace: Path,
        *,
        data: Path | None = None,
        settings: Mapping[str, Any] | None = None,
        wrapper: tuple[str, ...] = (),
        host: str = "localhost",
        authority: Path | None = None,
    ) -> None:
        self.kind = kind
        self.port = free_port()
        workspace.mkdir(parents=True, exist_ok=True)
        self.data = workspace / "data" if data is None else data
        self.log = workspace / f"{kind}.log"
        self._configuration = workspace / f"{kind}.yml"
        self._settings = _merged(
            {
                "version": "0.1",
                "log": {"level": "info", "accesslog": {"disabled": True}},
                "storage": {"filesystem": {"rootdirectory": str(self.data)}, "delete": {"enabled": True}},
                "http": {"addr": f"127.0.0.1:{self.port}", "secret": "the same over restarts"},
            },
            settings or {},
        )
        self._wrapper = wrapper
        self._host = host
        self._tls = None if authority is None else ssl.create_default_context(cafile=str(authority))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As clients write it: docker takes localhost for insecure without being told."""
        return f"{self._host}:{self.port}"

    def listen_on(self, address: str) -> None:
        """Another address of this machine than 127.0.0.1."""
        self._settings = _merged(self._settings, {"http": {"addr": f"{address}:{self.port}"}})

    @property
    def pid(self) -> int:
        """Of the running server, or of the program that wraps it."""
        assert self._process is not None
        return self._process.pid

    def client(self, timeout: float = 30.0) -> Client:
        """A client with a connection of its own."""
        return Client("127.0.0.1" if self._tls is None else self._host, self.port, timeout=timeout, tls=self._tls)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def start(self) -> float:
        """Return once it answers, with the seconds that took."""
        self._configuration.write_text(yaml.safe_dump(self._settings))
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._wrapper, *_command(self.kind), "serve", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._configuration.parent,
                env={**os.environ, "PYTHONPATH": str(ROOT), "OTEL_TRACES_EXPORTER": "none"},
            )
        while not self._answers():
            assert self._process.poll() is None, f"the server ended at its start:\n{self.log_text()}"
            assert time.monotonic() - began < START_LIMIT, f"no answer in {START_LIMIT} s:\n{self.log_text()}"
            time.sleep(0.02)
        return time.monotonic() - began

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout: float = STOP_LIMIT) -> int:
        """The exit status, once it has ended by itself."""
        assert self._process is not None
        status = self._process.wait(timeout)
        self._process = None
        return status

    def stop(self) -> int:
        """Ask it to end; the exit status."""
        self.terminate()
        return self.wait()

    def freeze(self) -> None:
        """Stop it, and all it started, between two instructions."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, with everything it started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self.wait()

    def resident(self) -> int:
        """Bytes of memory that the server has now."""
        return self._memory("VmRSS")

    def forget_peak(self) -> None:
        """Let `peak` count from now (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """The most bytes of memory that it has had."""
        return self._memory("VmHWM")

    def _memory(self, field: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        kilobytes = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
        assert kilobytes is not None
        return int(kilobytes[1]) * 1024

    def log_text(self) -> str:
        """Everything that it has printed, over all restarts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def defects(self) -> list[str]:
        """Lines of its log that no client should be able to cause."""
        return [line for line in self.log_text().splitlines() if _DEFECT.search(line)]

    def _answers(self) -> bool:
        try:
            with self.client(timeout=2) as client:
                return client.request("GET", "/v2/").status < 500
        except (OSError, HTTPException):
            return False

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(f"--- end of the log of {self.kind}\n{self.log_text()[-4000:]}")
        self.kill()


def _command(kind: str) -> list[str]:
    if kind == "txregistry":
        return [sys.executable, "-m", "txregistry.cli.main"]
    return [require("docker-registry" if kind == "registry2" else "registry")]


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        present = result.get(key)
        result[key] = _merged(present, value) if isinstance(present, dict) and isinstance(value, dict) else value
    return result
