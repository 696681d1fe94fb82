"""What the tests of faults are told on the command line."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.support.client import Client
from tests.live.support.server import Server


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """Of everything that is random in a test; printed, so that a run can be repeated as far as threads allow."""
    chosen: int = pytestconfig.getoption("--seed") or random.SystemRandom().randrange(10**6)
    print(f"--seed {chosen}")
    return chosen


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Over an empty folder."""
    with Server("txregistry", tmp_path / "server") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as connected:
        yield connected
