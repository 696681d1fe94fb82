"""Servers and daemons that several live tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.support.client import Client
from tests.live.support.server import Server


@pytest.fixture(scope="session")
def kind(pytestconfig: pytest.Config) -> str:
    chosen: str = pytestconfig.getoption("--server")
    return chosen


@pytest.fixture
def server(kind: str, tmp_path: Path) -> Iterator[Server]:
    """The registry under test, over an empty folder."""
    with Server(kind, tmp_path / "server") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as connected:
        yield connected
