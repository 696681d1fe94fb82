"""The watch on real sockets, driven by hand as the reactor would drive it."""

# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few methods of its reactor for tests.

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from txregistry.http.failures import failure
from txregistry.http.watching import Watch


class Watched:
    """One end of a pair of sockets, which notes what it is told."""

    def __init__(self) -> None:
        self.socket, self.peer = socket.socketpair()
        self.told: list[str] = []
        self.on_read: Callable[[], Exception | None] = lambda: None

    def fileno(self) -> int:
        return self.socket.fileno()

    def doRead(self) -> Exception | None:
        self.told.append("read")
        self.socket.recv(100)
        return self.on_read()

    def doWrite(self) -> Exception | None:
        self.told.append("write")
        return None

    def readConnectionLost(self, reason: Failure) -> None:
        self.told.append(f"half closed: {type(reason.value).__name__}")

    def connectionLost(self, reason: Failure) -> None:
        self.told.append(f"lost: {type(reason.value).__name__}")

    def close(self) -> None:
        self.socket.close()
        self.peer.close()


class Room:
    """A watch with two sockets that are read."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.watch = Watch(self.reactor)
        self.one, self.other = Watched(), Watched()
        for each in (self.one, self.other):
            self.watch.add(each, select.EPOLLIN)

    @property
    def known_to_the_reactor(self) -> bool:
        return self.watch in self.reactor.getReaders()


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.one.close()
    room.other.close()


def test_whoever_is_ready_is_told_and_nobody_else(room: Room) -> None:
    room.one.peer.send(b"x")
    room.watch.doRead()
    assert (room.one.told, room.other.told) == (["read"], [])


def test_the_watch_is_ready_for_any_poller_when_one_of_its_sockets_is(room: Room) -> None:
    with select.epoll() as poller:
        poller.register(room.watch.fileno(), select.EPOLLIN)
        assert poller.poll(0) == []
        room.other.peer.send(b"x")
        assert poller.poll(0) == [(room.watch.fileno(), select.EPOLLIN)]
        room.watch.doRead()
        assert poller.poll(0) == []


def test_reading_and_writing_are_watched_each_by_itself(room: Room) -> None:
    room.watch.add(room.one, select.EPOLLOUT)
    room.watch.doRead()
    assert set(room.one.told) == {"write"}
    room.watch.remove(room.one, select.EPOLLOUT)
    room.one.told.clear()
    room.one.peer.send(b"x")
    room.watch.doRead()
    assert room.one.told == ["read"]


def test_the_reactor_knows_the_watch_only_while_something_is_watched(room: Room) -> None:
    assert room.known_to_the_reactor
    room.watch.remove(room.one, select.EPOLLIN)
    assert room.known_to_the_reactor
    room.watch.remove(room.other, select.EPOLLIN)
    assert not room.known_to_the_reactor


def test_a_socket_that_is_closed_by_another_in_the_same_turn_is_left_alone(room: Room) -> None:
    def close_the_other() -> None:
        for each, another in ((room.one, room.other), (room.other, room.one)):
            if each.told:
                room.watch.remove(another, select.EPOLLIN)

    room.one.on_read = room.other.on_read = close_the_other
    room.one.peer.send(b"x")
    room.other.peer.send(b"x")
    room.watch.doRead()
    assert room.one.told + room.other.told == ["read"]


def test_the_end_of_what_a_peer_sends_is_told_as_that_and_no_more_read(room: Room) -> None:
    room.one.on_read = ConnectionDone
    room.one.peer.shutdown(socket.SHUT_WR)
    room.watch.doRead()
    assert room.one.told == ["read", "half closed: ConnectionDone"]
    assert not room.watch.wanted(room.one)


def test_a_loss_while_reading_ends_the_connection(room: Room) -> None:
    room.one.on_read = ConnectionLost
    room.watch.add(room.one, select.EPOLLOUT)
    room.one.peer.send(b"x")
    room.watch.doRead()
    assert room.one.told == ["read", "lost: ConnectionLost"]
    assert not room.watch.wanted(room.one)


def test_a_hangup_is_told_to_who_only_waits_for_room(room: Room) -> None:
    room.watch.remove(room.one, select.EPOLLIN)
    room.watch.add(room.one, select.EPOLLOUT)
    room.one.peer.close()
    room.watch.doRead()
    assert room.one.told == ["lost: ConnectionLost"]


def test_an_error_in_one_connection_is_logged_and_ends_that_one_alone(room: Room) -> None:
    def fail() -> Exception | None:
        raise ValueError("a defect")

    logged: list[LogEvent] = []
    observer = cast(ILogObserver, logged.append)
    globalLogPublisher.addObserver(observer)
    try:
        room.one.on_read = fail
        room.one.peer.send(b"x")
        room.other.peer.send(b"x")
        room.watch.doRead()
    finally:
        globalLogPublisher.removeObserver(observer)
    assert room.one.told == ["read", "lost: ValueError"]
    assert room.other.told == ["read"]
    assert len(logged) == 1


def test_when_the_reactor_ends_every_connection_does(room: Room) -> None:
    room.watch.connectionLost(failure(ConnectionLost()))
    assert room.one.told == room.other.told == ["lost: ConnectionLost"]
    assert not room.known_to_the_reactor
