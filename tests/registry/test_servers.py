"""Servers that are known to serve, and a collection that wants to be alone."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.registry.world import now
from txregistry.registry.servers import ServerCame, Servers, Serving
from txregistry.storage import layout
from txregistry.storage.memory import MemoryDriver


class Store:
    """One store, and what every process on it makes for itself."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.driver = MemoryDriver(self.clock.seconds)

    def servers(self) -> Servers:
        return Servers(self.driver, self.clock)

    def known(self) -> list[str]:
        return [name for name in now(self.driver.list(layout.SERVERS)) if name != "gate"]


def test_where_nobody_serves_one_can_be_alone() -> None:
    store = Store()
    gate = now(store.servers().keep_away())
    assert gate is not None
    now(store.servers().watch())
    gate.release()
    assert store.driver.open == []


def test_where_somebody_serves_nobody_is_alone() -> None:
    store = Store()
    first = now(store.servers().begin())
    second = now(store.servers().begin())
    assert now(store.servers().keep_away()) is None
    now(first.end())
    assert now(store.servers().keep_away()) is None
    now(second.end())
    assert now(store.servers().keep_away()) is not None
    assert store.known() == []


def test_two_cannot_be_alone() -> None:
    store = Store()
    assert now(store.servers().keep_away()) is not None
    assert now(store.servers().keep_away()) is None


def test_a_server_waits_until_who_is_alone_has_seen_it_and_made_way() -> None:
    store = Store()
    gate = now(store.servers().keep_away())
    assert gate is not None
    began: list[Serving] = []
    Deferred.fromCoroutine(store.servers().begin()).addCallback(began.append)
    store.clock.advance(1)
    assert began == []
    with pytest.raises(ServerCame):
        now(store.servers().watch())
    gate.release()
    store.clock.advance(1)
    assert len(began) == 1
    now(began[0].end())
    assert store.driver.open == []


def test_a_server_that_gives_up_waiting_leaves_nothing_behind() -> None:
    store = Store()
    gate = now(store.servers().keep_away())
    assert gate is not None
    waiting = Deferred.fromCoroutine(store.servers().begin())
    failures: list[object] = []
    waiting.addErrback(failures.append)
    waiting.cancel()
    assert len(failures) == 1
    now(store.servers().watch())
    gate.release()
    assert store.driver.open == []
    assert not store.clock.getDelayedCalls()


def test_what_a_dead_server_left_behind_is_removed_by_the_next_one() -> None:
    store = Store()
    living = now(store.servers().begin())
    now(store.driver.write(f"{layout.server('00ff')}/lock", b""))
    serving = now(store.servers().begin())
    assert "00ff" not in store.known()
    assert len(store.known()) == 2
    for one in (living, serving):
        now(one.end())
    assert store.driver.open == []


def test_what_a_dead_server_left_behind_is_removed_by_who_is_alone() -> None:
    store = Store()
    now(store.driver.write(f"{layout.server('00ff')}/lock", b""))
    assert now(store.servers().keep_away()) is not None
    assert store.known() == []
