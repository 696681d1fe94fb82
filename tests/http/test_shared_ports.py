"""A port whose socket others accept from too, with a reactor that does only what the test does."""

# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few methods of its ports.

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs

from txregistry.http.ports import COURTESY, CROWDED, adopt


class Bounded(Factory):
    """There are as many connections as the test says."""

    noisy = False
    left: int = 0

    def room(self) -> int:
        return self.left


class World:
    """Two clients that wait to be accepted by a port whose turn it is when the test says so."""

    def __init__(self, stack: ExitStack, shared: bool, kind: type[Factory] = Factory) -> None:
        self.reactor = MemoryReactorClock()
        self.mine = True
        self.accepted: list[Protocol] = []
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.factory: Any = kind.forProtocol(self.accept)
        self.factory.noisy = False
        self.port: Any = adopt(self.reactor, listening.fileno(), self.factory, (lambda: self.mine) if shared else None)
        for _ in range(2):
            stack.enter_context(socket.create_connection(listening.getsockname()))
        stack.callback(self.close)

    def accept(self) -> Protocol:
        self.accepted.append(Protocol())
        return self.accepted[-1]

    def listens(self) -> bool:
        return self.port in self.reactor.readers

    def close(self) -> None:
        self.port.stopListening()
        self.reactor.advance(0)
        for protocol in self.accepted:
            transport: Any = protocol.transport
            transport.socket.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as entered:
        yield entered


def test_a_port_of_its_own_takes_all_that_wait(stack: ExitStack) -> None:
    world = World(stack, shared=False)
    world.port.doRead()
    assert len(world.accepted) == 2


def test_a_shared_port_takes_one_at_a_time(stack: ExitStack) -> None:
    world = World(stack, shared=True)
    for count in (1, 2):
        world.port.doRead()
        assert len(world.accepted) == count


def test_one_whose_turn_it_is_not_leaves_a_connection_to_others_for_a_while(stack: ExitStack) -> None:
    world = World(stack, shared=True)
    world.mine = False
    world.port.doRead()
    assert (len(world.accepted), world.listens()) == (0, False)
    world.reactor.advance(COURTESY)
    assert (len(world.accepted), world.listens()) == (1, True)
    assert not world.reactor.getDelayedCalls()


def test_a_port_that_was_closed_meanwhile_takes_nothing(stack: ExitStack) -> None:
    world = World(stack, shared=True)
    world.mine = False
    world.port.doRead()
    world.port.stopListening()
    world.reactor.advance(COURTESY)
    assert (len(world.accepted), world.listens()) == (0, False)


@pytest.mark.parametrize("shared", [False, True])
def test_connections_wait_until_there_is_room_for_them(stack: ExitStack, shared: bool) -> None:
    world = World(stack, shared, Bounded)
    world.port.doRead()
    assert (len(world.accepted), world.listens()) == (0, False)
    world.reactor.advance(CROWDED)
    assert (len(world.accepted), world.listens()) == (0, True)
    world.factory.left = 1
    world.port.doRead()
    assert (len(world.accepted), world.listens()) == (1, True)


def test_whoever_has_to_wait_is_taken_as_soon_as_there_is_room(stack: ExitStack) -> None:
    world = World(stack, shared=False, kind=Bounded)
    world.port.doRead()
    world.factory.left = 5
    world.reactor.advance(CROWDED)
    assert (len(world.accepted), world.listens()) == (1, True)


def test_that_connections_wait_is_logged_once_a_minute(stack: ExitStack) -> None:
    world = World(stack, shared=False, kind=Bounded)
    with capturedLogs() as logs:
        for _ in range(700):
            world.port.doRead()
            world.reactor.advance(CROWDED)
    told = [event["log_format"] for event in logs]
    assert told == ["connections have to wait: there are as many as there may be"] * 2
