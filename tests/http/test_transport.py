"""The transport on a pair of sockets, with a reactor that does only what the test does."""

# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few methods of its descriptors.

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from txregistry.http.failures import failure
from txregistry.http.transport import RECEIVE, RECEIVE_MOST, ImmediateUnixServer
from txregistry.http.watching import Watch

LARGE = os.urandom(1 << 20) * 4


@implementer(IPushProducer)
class Producer:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        """See `IPushProducer`."""
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        self.told.append("resume")

    def stopProducing(self) -> None:
        """See `IProducer`."""
        self.told.append("stop")


class Receiver(Protocol):
    """Remembers the sizes of what it received."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        self.sizes.append(len(data))


class Pair:
    """A transport and its peer."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.watch = Watch(self.reactor)
        ours, self.peer = socket.socketpair()
        self.peer.settimeout(10)
        self.receiver = Receiver()
        self.transport = ImmediateUnixServer(self.watch, ours, self.receiver, None, None, 0, self.reactor)
        self.transport.connected = True
        self.producer = Producer()
        self.transport.registerProducer(self.producer, True)

    @property
    def wants_to_write(self) -> bool:
        return bool(self.watch.wanted(self.transport) & select.EPOLLOUT)

    def take(self, count: int) -> bytes:
        """What the peer receives while the reactor finds the socket writable."""
        received = bytearray()
        while len(received) < count:
            received += self.peer.recv(1 << 20)
            if self.wants_to_write:
                self.transport.doWrite()
        return bytes(received)


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.peer.close()
    if pair.transport.connected:
        pair.transport.connectionLost(failure(ConnectionDone()))


def test_a_write_is_sent_within_the_call(pair: Pair) -> None:
    pair.transport.write(b"hello")
    pair.transport.writeSequence([b" ", b"world"])
    assert pair.peer.recv(100) == b"hello world"
    assert not pair.wants_to_write
    assert pair.producer.told == []


def test_what_the_kernel_refuses_is_queued_and_sent_in_order(pair: Pair) -> None:
    pair.transport.write(LARGE)
    pair.transport.write(b"behind")
    assert pair.wants_to_write
    assert pair.producer.told == ["pause"]
    assert 0 < pair.transport.unsent <= len(LARGE) + 6
    assert pair.take(len(LARGE) + 6) == LARGE + b"behind"
    assert pair.transport.unsent == 0
    assert pair.producer.told == ["pause", "resume"]
    assert not pair.wants_to_write


def test_a_full_socket_is_waited_for(pair: Pair) -> None:
    pair.transport.write(LARGE)
    unsent = pair.transport.unsent
    assert pair.transport.doWrite() is None
    assert pair.transport.unsent == unsent
    assert pair.producer.told == ["pause"]


def test_a_write_to_a_broken_socket_is_left_to_the_reactor_to_report(pair: Pair) -> None:
    pair.peer.close()
    pair.transport.write(b"hello")
    assert pair.wants_to_write
    assert pair.transport.doWrite() is CONNECTION_LOST


def test_a_write_after_the_loss_is_ignored(pair: Pair) -> None:
    pair.transport.connectionLost(failure(ConnectionDone()))
    pair.transport.write(b"hello")
    assert pair.transport.sendfile(0, 0, 1) is None
    assert pair.producer.told == ["stop"]


def test_the_connection_closes_when_all_is_sent(pair: Pair) -> None:
    pair.transport.write(LARGE)
    pair.transport.unregisterProducer()
    pair.transport.loseConnection()
    received = len(pair.peer.recv(1 << 20))
    while pair.transport.doWrite() is not CONNECTION_DONE:
        received += len(pair.peer.recv(1 << 20))
    while pair.transport.unsent == 0 and received < len(LARGE):
        received += len(pair.peer.recv(1 << 20))
    assert received == len(LARGE)


def test_our_half_closes_when_all_is_sent(pair: Pair) -> None:
    pair.transport.write(LARGE)
    pair.transport.unregisterProducer()
    pair.transport.loseWriteConnection()
    assert pair.take(len(LARGE)) == LARGE
    assert pair.peer.recv(1) == b""
    pair.peer.sendall(b"still heard")
    assert pair.transport.socket.recv(100) == b"still heard"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "file").write_bytes(LARGE)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_piece_of_a_file_is_sent_behind_its_head(pair: Pair, file: int) -> None:
    pair.transport.write_more(b"head")
    assert pair.transport.sendfile(file, 10, 1_000) == 1_000
    assert pair.peer.recv(2_000) == b"head" + LARGE[10:1_010]
    assert pair.producer.told == []


def test_what_is_sent_of_a_file_is_told_and_the_rest_waited_for(pair: Pair, file: int) -> None:
    sent = pair.transport.sendfile(file, 0, len(LARGE))
    assert sent is not None
    assert 0 < sent < len(LARGE)
    assert pair.producer.told == ["pause"]
    assert pair.transport.sendfile(file, sent, len(LARGE) - sent) is None
    assert pair.take(sent) == LARGE[:sent]
    assert pair.producer.told[:2] == ["pause", "resume"]


def test_a_file_is_not_sent_before_what_was_queued(pair: Pair, file: int) -> None:
    pair.transport.write(LARGE)
    assert pair.transport.sendfile(file, 0, 1_000) is None


def test_the_end_of_a_file_is_told(pair: Pair, file: int) -> None:
    assert pair.transport.sendfile(file, len(LARGE), 1_000) == 0


def test_a_file_that_cannot_be_read_is_the_callers_trouble(pair: Pair) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        pair.transport.sendfile(1_000_000, 0, 1)


def test_a_broken_socket_is_not_the_trouble_of_who_sends_a_file(pair: Pair, file: int) -> None:
    pair.peer.close()
    assert pair.transport.sendfile(file, 0, 1_000) is None
    assert pair.wants_to_write


class Flood(socket.socket):
    """A socket on which there is always as much as one asks for."""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """See `socket.socket`."""
        return b"x" * bufsize


def test_whoever_sends_fast_is_received_in_larger_pieces_each_time(pair: Pair) -> None:
    ours = pair.transport.socket
    with Flood() as pair.transport.socket:
        for _ in range(8):
            assert pair.transport.doRead() is None
    pair.transport.socket = ours
    assert pair.receiver.sizes[:2] == [RECEIVE, 2 * RECEIVE]
    assert pair.receiver.sizes[-2:] == [RECEIVE_MOST, RECEIVE_MOST]


def test_whoever_sends_slowly_leaves_no_large_room_waiting(pair: Pair) -> None:
    pair.transport.bufferSize = RECEIVE_MOST
    while pair.transport.bufferSize > RECEIVE:
        before = pair.transport.bufferSize
        pair.peer.sendall(b"x")
        assert pair.transport.doRead() is None
        assert pair.transport.bufferSize < before
    pair.peer.sendall(b"x")
    assert pair.transport.doRead() is None
    assert pair.transport.bufferSize == RECEIVE


def test_after_a_pause_pieces_are_small_again(pair: Pair) -> None:
    pair.transport.bufferSize = RECEIVE_MOST
    pair.transport.pauseProducing()
    pair.transport.resumeProducing()
    pair.peer.sendall(b"x" * RECEIVE + b"y")
    pair.transport.doRead()
    assert pair.receiver.sizes == [RECEIVE]


def test_nothing_to_receive_is_no_end(pair: Pair) -> None:
    pair.transport.socket.setblocking(False)
    assert pair.transport.doRead() is None
    assert pair.receiver.sizes == []


def test_the_end_of_what_is_sent_is_told(pair: Pair) -> None:
    pair.peer.shutdown(socket.SHUT_WR)
    assert pair.transport.doRead() is CONNECTION_DONE


def test_tls_is_not_started_below_what_writes_around_it(pair: Pair) -> None:
    with pytest.raises(RuntimeError):
        pair.transport.startTLS(object())
