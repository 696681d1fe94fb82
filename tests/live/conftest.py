"""Servers that live tests run against, and the figures that they measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.support.client import Client
from tests.live.support.server import Server

_FIGURES = pytest.StashKey[list[str]]()


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


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Takes what was measured, in words, to show it at the end of the run."""
    return pytestconfig.stash.setdefault(_FIGURES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash.get(_FIGURES, []):
        terminalreporter.section("figures")
        for line in config.stash[_FIGURES]:
            terminalreporter.write_line(line)
