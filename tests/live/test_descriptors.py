"""A server that has run out of file descriptors recovers, and has lost nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.live.support.client import Unexpected, digest_of
from tests.live.support.server import Server
from tests.live.support.tools import require

pytestmark = pytest.mark.live

DESCRIPTORS = 128
CONNECTIONS = 300
PATIENCE = 20.0


@pytest.fixture
def poor(kind: str, tmp_path: Path) -> Iterator[Server]:
    limited = (require("prlimit"), f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")
    with Server(kind, tmp_path / "server", wrapper=limited) as server:
        yield server


def test_clients_that_are_connected_are_served_beside_more_connections_than_descriptors(poor: Server) -> None:
    with poor.client() as client, ExitStack() as held:
        client.push_artifact("poor/app", "before", b"before")
        for _ in range(CONNECTIONS):
            with suppress(OSError):
                held.enter_context(socket.create_connection(("127.0.0.1", poor.port), timeout=0.5))
        assert client.blob("poor/app", digest_of(b"before")) == b"before"
        client.push_artifact("poor/app", "during", b"during")
        assert client.tags("poor/app") == ["before", "during"]


def test_more_connections_than_descriptors_do_no_lasting_harm(poor: Server) -> None:
    with poor.client() as client:
        client.push_artifact("poor/app", "before", b"before")
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            # Those that the server cannot accept wait in the kernel, or are refused by it.
            with suppress(OSError):
                held.enter_context(socket.create_connection(("127.0.0.1", poor.port), timeout=0.5))
        with poor.client(timeout=2) as client, suppress(OSError, HTTPException):
            assert client.request("PUT", "/v2/poor/app/manifests/during", b"{}").status >= 400
    deadline = time.monotonic() + PATIENCE
    while not _pushes(poor):
        assert time.monotonic() < deadline, "no recovery"
        time.sleep(0.1)
    with poor.client() as client:
        assert client.blob("poor/app", digest_of(b"before")) == b"before"
        assert client.tags("poor/app") == ["after", "before"]


def _pushes(server: Server) -> bool:
    try:
        with server.client(timeout=5) as client:
            client.push_artifact("poor/app", "after", b"after")
    except (OSError, HTTPException, Unexpected):
        return False
    return True
