"""Starts a registry on a port of its own over a folder, waits until it answers, and stops it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import Peer
from benchmarks.processes import ProcessTree

__all__ = ["Certificate", "Server", "ServerFailed", "make_certificate", "start_server"]

_START_SECONDS = 30
_STOP_SECONDS = 30

_CONFIG = """\
version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  cache:
    blobdescriptor: inmemory
  delete:
    enabled: true
  maintenance:
    uploadpurging:
      enabled: false
  filesystem:
    rootdirectory: {root}
http:
  addr: 127.0.0.1:{port}
  secret: the-same-for-all
"""
_CONFIG_TLS = """\
  tls:
    certificate: {certificate}
    key: {key}
"""
# Distribution 3 sends traces to localhost unless told not to; its container image tells it so.
_ENVIRONMENT = {"OTEL_TRACES_EXPORTER": "none"}


class ServerFailed(Exception):
    """A registry did not come up; carries its name and the end of what it wrote."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files that hold a certificate for 127.0.0.1 and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Server:
    """A running registry."""

    name: str
    process: subprocess.Popen[bytes]
    address: str
    tls: bool

    @property
    def usage(self) -> ProcessTree:
        """What it has used."""
        return ProcessTree(self.process.pid)

    def stop(self) -> None:
        """Ask it to end, and see that it does."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def make_certificate(folder: Path) -> Certificate:
    """Make a self-signed P-256 certificate."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "30",
    ]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, "-out", made.certificate, "-keyout", made.key], check=True, capture_output=True)
    return made


def start_server(peer: Peer, root: Path, scratch: Path, certificate: Certificate | None = None) -> Server:
    """Start a registry over a folder, with TLS if there is a certificate; return when it answers /v2/."""
    port = _free_port()
    stem = f"{peer.name.replace(' ', '-')}-{port}"
    config = scratch / f"{stem}.yml"
    values = {"root": root, "port": port, "config": config}
    text = _CONFIG.format_map(values)
    if certificate:
        values |= {"certificate": certificate.certificate, "key": certificate.key}
        text += _CONFIG_TLS.format_map(values)
    else:
        values |= {"certificate": "", "key": ""}
    config.write_text(text)
    log = scratch / f"{stem}.log"
    with log.open("wb") as output:
        command = [word.format_map(values) for word in peer.command]
        environment = {**os.environ, **_ENVIRONMENT}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    server = Server(peer.name, process, f"127.0.0.1:{port}", certificate is not None)
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(port, server.tls):
        if process.poll() is not None or time.monotonic() > deadline:
            server.stop()
            raise ServerFailed(peer.name, log.read_text(errors="replace")[-2000:])
        time.sleep(0.05)
    return server


def _answers(port: int, tls: bool) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    if tls:
        # The certificate is our own of this minute; what is measured is not whom it names.
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=ssl._create_unverified_context())
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
