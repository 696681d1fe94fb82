"""The worker processes of a server, and clients of one that was chosen."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.support.client import Client
from tests.live.support.raw import head
from tests.live.support.server import Server


def workers_of(parent: int) -> list[int]:
    """Their processes, the oldest first."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def client_of(server: Server, worker: int, timeout: float = 30.0) -> Client:
    """A client with a connection that this worker has accepted; it stays with it for as long as it is kept."""
    client = server.client(timeout)
    with alone(worker, workers_of(server.pid)):
        client.request("GET", "/v2/")
    return client


def begun_patch(server: Server, worker: int, upload: str, size: int) -> socket.socket:
    """A connection to this worker, which waits for the body of a PATCH."""
    with alone(worker, workers_of(server.pid)):
        connection = server.connect()
        connection.sendall(head("PATCH", upload, {"Content-Length": str(size), "Expect": "100-continue"}))
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            received += connection.recv(1)
    assert received.startswith(b"HTTP/1.1 100 ")
    return connection


@contextmanager
def alone(worker: int, workers: list[int]) -> Iterator[None]:
    """Hold all others meanwhile."""
    others = [pid for pid in workers if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or has only not been waited for."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"
