"""A parent whose workers are in the test's hands."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import LogEvent, capturedLogs

from tests.daemon.conftest import OneThreadReactor
from tests.daemon.test_service import Port
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.systemd import Notifier
from txregistry.daemon.workers.damping import FIRST, STEADY
from txregistry.daemon.workers.line import Order, Report
from txregistry.daemon.workers.supervisor import Supervisor

KILLED = int(signal.SIGKILL)
FAILED = 1 << 8


class Child:
    """A worker that does what the test says."""

    def __init__(self, number: int, said: Callable[[Report], None], ended: Callable[[int], None]) -> None:
        self.pid = 1000 + number
        self.number = number
        self.said = said
        self.ended = ended
        self.told: list[Order] = []
        self.killed = False

    def tell(self, order: Order) -> None:
        self.told.append(order)

    def kill(self) -> None:
        self.killed = True


class World:
    """A parent of two workers."""

    def __init__(self, reactor: OneThreadReactor, environ: dict[str, str] | None = None) -> None:
        self.reactor = reactor
        self.port = Port()
        self.children: list[Child] = []
        self.refuse = False
        self.stops = 0
        self.supervisor = Supervisor(
            cast(IReactor, reactor), lambda: self.port, self.birth, 2, Notifier(environ or {}), self.stop
        )

    def birth(
        self, number: int, port: IListeningPort, said: Callable[[Report], None], ended: Callable[[int], None]
    ) -> Child:
        if self.refuse:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        assert port is self.port
        self.children.append(Child(number, said, ended))
        return self.children[-1]

    def stop(self) -> None:
        self.stops += 1

    def numbers(self) -> list[int]:
        return [child.number for child in self.children]

    def start(self) -> tuple[Child, Child]:
        """Two workers that do not answer yet."""
        self.supervisor.startService()
        self.reactor.run()  # type: ignore[no-untyped-call]  # Twisted's own
        first, second = self.children
        return first, second

    def begin(self) -> tuple[Child, Child]:
        """Two workers that answer."""
        first, second = self.start()
        first.said(Report.READY)
        second.said(Report.READY)
        return first, second


@pytest.fixture
def world(reactor: OneThreadReactor) -> World:
    return World(reactor)


def told(logs: Sequence[LogEvent], message: str) -> list[LogEvent]:
    return [event for event in logs if event["log_format"] == message]


def test_workers_begin_when_the_reactor_runs_on_a_port_from_which_the_parent_accepts_nothing(
    reactor: OneThreadReactor,
) -> None:
    world = World(reactor)
    world.supervisor.privilegedStartService()
    world.supervisor.startService()
    assert world.children == []
    reactor.run()  # type: ignore[no-untyped-call]  # Twisted's own
    assert world.numbers() == [1, 2]
    assert not world.port.accepting


def test_the_manager_hears_once_that_all_are_ready(reactor: OneThreadReactor, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.setblocking(False)
        world = World(reactor, {"NOTIFY_SOCKET": address})
        first, second = world.start()
        first.said(Report.READY)
        with pytest.raises(BlockingIOError):
            manager.recv(99)
        second.said(Report.READY)
        assert manager.recv(99) == b"READY=1"
        second.ended(KILLED)
        reactor.advance(0)
        world.children[-1].said(Report.READY)
        with pytest.raises(BlockingIOError):
            manager.recv(99)


def test_a_worker_that_dies_is_replaced_at_once_by_one_of_its_number(world: World) -> None:
    _, second = world.begin()
    with capturedLogs() as logs:
        second.ended(KILLED)
    [event] = told(logs, "worker ended")
    assert (event["worker"], event["pid"], event["signal"]) == (2, 1002, "SIGKILL")
    world.reactor.advance(0)
    assert world.numbers() == [1, 2, 2]


def test_one_that_dies_again_and_again_is_waited_with(world: World) -> None:
    _, second = world.begin()
    second.ended(FAILED)
    world.reactor.advance(0)
    with capturedLogs() as logs:
        world.children[-1].ended(FAILED)
    assert [event["restart_in"] for event in told(logs, "worker fails again and again")] == [FIRST]
    world.reactor.advance(FIRST * 0.9)
    assert len(world.children) == 3
    world.reactor.advance(FIRST * 0.1)
    assert world.numbers() == [1, 2, 2, 2]
    world.children[-1].said(Report.READY)
    world.reactor.advance(STEADY)
    world.children[-1].ended(FAILED)
    world.reactor.advance(0)
    assert len(world.children) == 5


def test_processes_that_cannot_be_made_are_tried_again_later(world: World) -> None:
    _, second = world.begin()
    world.refuse = True
    with capturedLogs() as logs:
        second.ended(KILLED)
        world.reactor.advance(0)
    [event] = told(logs, "worker cannot be started")
    assert event["reason"] == "Resource temporarily unavailable"
    world.refuse = False
    world.reactor.advance(FIRST)
    assert world.numbers() == [1, 2, 2]


@pytest.mark.parametrize("status", [FAILED, KILLED])
def test_a_worker_that_never_answered_fails_the_start(world: World, status: int) -> None:
    first, second = world.start()
    first.said(Report.READY)
    second.ended(status)
    assert world.supervisor.failed
    assert world.stops == 1
    stopped = world.supervisor.stopService()
    close(world)
    assert first.told == [Order.DRAIN]
    first.ended(0)
    assert stopped.called
    assert world.numbers() == [1, 2]
    assert not world.reactor.getDelayedCalls()


def close(world: World) -> None:
    assert world.port.closed is not None
    world.port.closed.callback(None)


def test_the_port_closes_before_the_workers_drain_and_all_of_them_are_waited_for(world: World) -> None:
    first, second = world.begin()
    stopped = world.supervisor.stopService()
    assert first.told == second.told == []
    close(world)
    assert first.told == second.told == [Order.DRAIN]
    first.ended(0)
    assert not stopped.called
    second.ended(0)
    assert stopped.called
    assert world.numbers() == [1, 2]
    assert not world.supervisor.failed


def test_the_second_signal_hurries_the_workers(world: World) -> None:
    first, second = world.begin()
    world.supervisor.stopService()
    close(world)
    world.supervisor.hurry()
    assert first.told == second.told == [Order.DRAIN, Order.HURRY]


def test_no_worker_begins_after_the_end_has_begun(world: World) -> None:
    _, second = world.begin()
    second.ended(KILLED)
    stopped: Deferred[None] = world.supervisor.stopService()
    close(world)
    world.reactor.advance(100)
    world.children[0].ended(0)
    assert stopped.called
    assert world.numbers() == [1, 2]
    assert not world.reactor.getDelayedCalls()


def test_one_that_was_told_to_drain_by_somebody_else_is_replaced_before_it_ends(world: World) -> None:
    first, _ = world.begin()
    first.said(Report.STOPPING)
    world.reactor.advance(0)
    assert world.numbers() == [1, 2, 1]
    first.ended(0)
    world.reactor.advance(100)
    assert world.numbers() == [1, 2, 1]
    # It is still waited for at the end.
    stopped = world.supervisor.stopService()
    close(world)
    world.children[1].ended(0)
    assert not stopped.called
    world.children[2].ended(0)
    assert stopped.called


def watched(reactor: OneThreadReactor, manager: socket.socket, folder: Path) -> World:
    address = str(folder / "notify")
    manager.bind(address)
    manager.setblocking(False)
    return World(reactor, {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})


def heard(manager: socket.socket) -> list[bytes]:
    messages = []
    try:
        while True:
            messages.append(manager.recv(99))
    except BlockingIOError:
        return messages


def test_a_worker_that_hangs_is_killed_while_the_manager_hears_of_the_others(
    reactor: OneThreadReactor, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        world = watched(reactor, manager, tmp_path)
        first, second = world.begin()
        heard(manager)
        for _ in range(4):
            first.said(Report.ALIVE)
            reactor.advance(15)
            assert heard(manager) == [b"WATCHDOG=1"]
        assert (first.killed, second.killed) == (False, True)


def test_a_manager_hears_nothing_while_nobody_answers(reactor: OneThreadReactor, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        world = watched(reactor, manager, tmp_path)
        world.begin()
        for _ in range(10):
            reactor.advance(15)
        assert heard(manager) == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_a_parent_that_was_held_up_itself_kills_nobody(reactor: OneThreadReactor, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        world = watched(reactor, manager, tmp_path)
        children = world.begin()
        # What they said meanwhile waits until the calls that are due have been made.
        reactor.advance(3600)
        for child in children:
            child.said(Report.ALIVE)
        reactor.advance(15)
        assert [child.killed for child in children] == [False, False]


def test_a_status_is_told_as_waitpid_has_it(world: World) -> None:
    first, second = world.begin()
    with capturedLogs() as logs:
        first.ended(FAILED)
        second.ended(0)
    assert [event["status"] for event in told(logs, "worker ended")] == [1, 0]
