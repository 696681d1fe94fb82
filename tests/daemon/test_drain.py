from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txregistry.concurrency.shield import shielded
from txregistry.daemon.drain import SETTLE, Drain


class Connections:
    """As many as the test says."""

    def __init__(self) -> None:
        self.drains: list[tuple[float, Deferred[None]]] = []

    def drain(self, seconds: float) -> Deferred[None]:
        ended: Deferred[None] = Deferred()
        self.drains.append((seconds, ended))
        return ended


async def waits_for(step: Deferred[None]) -> None:
    await step


def test_it_is_over_when_the_connections_are() -> None:
    connections = Connections()
    over = Deferred.fromCoroutine(Drain(connections, Clock(), 7.0).run())
    [(seconds, ended)] = connections.drains
    assert seconds == 7.0
    assert not over.called
    ended.callback(None)
    assert over.called


def test_a_commit_is_waited_for_although_its_connection_is_gone() -> None:
    connections, commit = Connections(), Deferred[None]()
    waiting = shielded(waits_for(commit))
    over = Deferred.fromCoroutine(Drain(connections, Clock(), 0).run())
    waiting.addErrback(lambda failure: None).cancel()
    connections.drains[0][1].callback(None)
    assert not over.called
    commit.callback(None)
    assert over.called


def test_a_commit_that_begins_another_is_waited_for_to_the_end() -> None:
    connections, first, second = Connections(), Deferred[None](), Deferred[None]()

    async def both() -> None:
        await first
        await shielded(waits_for(second))

    shielded(both())
    over = Deferred.fromCoroutine(Drain(connections, Clock(), 0).run())
    connections.drains[0][1].callback(None)
    first.callback(None)
    assert not over.called
    second.callback(None)
    assert over.called


def test_a_commit_that_never_ends_is_not_waited_for_without_end() -> None:
    connections, clock, commit = Connections(), Clock(), Deferred[None]()
    shielded(waits_for(commit))
    over = Deferred.fromCoroutine(Drain(connections, clock, 0).run())
    connections.drains[0][1].callback(None)
    clock.advance(SETTLE - 1)
    assert not over.called
    clock.advance(1)
    assert over.called
    commit.callback(None)


def test_hurry_breaks_off_what_is_left() -> None:
    connections = Connections()
    drain = Drain(connections, Clock(), 60.0)
    over = Deferred.fromCoroutine(drain.run())
    drain.hurry()
    assert [seconds for seconds, _ in connections.drains] == [60.0, 0]
    connections.drains[1][1].callback(None)
    assert over.called
    connections.drains[0][1].callback(None)  # the first answer may still come, or not


def test_hurry_before_the_beginning_means_not_to_wait_at_all() -> None:
    connections = Connections()
    drain = Drain(connections, Clock(), 60.0)
    drain.hurry()
    Deferred.fromCoroutine(drain.run())
    assert [seconds for seconds, _ in connections.drains] == [0]
