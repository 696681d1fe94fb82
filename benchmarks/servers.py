"""Starts a registry on a port of its own over a folder, waits until it answers, and stops it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import Peer
from benchmarks.processes import ProcessTree
from benchmarks.settings import Certificate, configuration
from benchmarks.sign_in import NO_SIGN_IN, SignIn

__all__ = ["Server", "ServerFailed", "start_server"]

_START_SECONDS = 30
_STOP_SECONDS = 30
_LOOK_SECONDS = 0.01

# Distribution 3 sends traces to localhost unless told not to; its container image tells it so. Python keeps what it has
# compiled, as it does where pip has installed: otherwise every start compiles all modules again.
_ENVIRONMENT = {"OTEL_TRACES_EXPORTER": "none", "PYTHONDONTWRITEBYTECODE": ""}


class ServerFailed(Exception):
    """A registry did not come up; carries its name and the end of what it wrote."""

    def __str__(self) -> str:
        name, wrote = self.args
        return f"{name} does not start: {wrote}"


@dataclass(frozen=True, slots=True)
class Server:
    """A running registry."""

    name: str
    process: subprocess.Popen[bytes]
    address: str
    tls: bool
    headers: tuple[str, ...] = ()
    """Lines that every request needs."""
    seconds: float = 0
    """From its start to its first answer."""

    @property
    def usage(self) -> ProcessTree:
        """What it has used."""
        return ProcessTree(self.process.pid)

    def stop(self) -> None:
        """Ask it to end, and see that it does, with all processes that it has started."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)
        _end(self.process)


def start_server(
    peer: Peer,
    root: Path,
    scratch: Path,
    certificate: Certificate | None = None,
    sign_in: SignIn = NO_SIGN_IN,
    access_log: bool = False,
) -> Server:
    """Start a registry over a folder, with TLS if there is a certificate; return when it answers /v2/."""
    port = _free_port()
    stem = f"{peer.name.replace(' ', '-')}-{port}"
    config = scratch / f"{stem}.yml"
    config.write_text(configuration(root, port, certificate, sign_in, access_log, peer.more))
    values = {
        "root": root,
        "port": port,
        "config": config,
        "certificate": certificate.certificate if certificate else "",
        "key": certificate.key if certificate else "",
    }
    log = scratch / f"{stem}.log"
    command = [word.format_map(values) for word in peer.command]
    began = time.monotonic()
    with log.open("wb") as output:
        environment = {**os.environ, **_ENVIRONMENT}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    while not _answers(port, certificate is not None):
        if process.poll() is not None or time.monotonic() > began + _START_SECONDS:
            _end(process)
            raise ServerFailed(peer.name, log.read_text(errors="replace")[-2000:])
        time.sleep(_LOOK_SECONDS)
    seconds = time.monotonic() - began
    return Server(peer.name, process, f"127.0.0.1:{port}", certificate is not None, sign_in.headers, seconds)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a server's processes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _answers(port: int, tls: bool) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    if tls:
        # The certificate is our own of this minute; what is measured is not whom it names.
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=ssl._create_unverified_context())
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status in (200, 401)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
