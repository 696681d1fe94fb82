# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few of its means of testing.

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from tests.http.client import Client, Wire
from txregistry.http.response import Response
from txregistry.http.sending import PIECE, TRUSTED, WINDOW
from txregistry.http.sources import IBodySource, IFileBody
from txregistry.http.wires import ISendfileTransport

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n"


@implementer(IBodySource, IPushProducer)
class Pieces:
    """Writes pieces while it is not paused."""

    def __init__(self, pieces: list[bytes], length: int | None = None, by_hand: bool = False) -> None:
        self.length = sum(map(len, pieces)) if length is None else length
        self.pieces = list(pieces)
        self.closed = 0
        self.stopped = False
        self.paused = False
        self.by_hand = by_hand
        self.done: Deferred[None] = Deferred()

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """Write at once what may be."""
        self.consumer = consumer
        consumer.registerProducer(self, True)
        if not self.by_hand:
            self.run()
        return self.done

    def close(self) -> None:
        """Count."""
        self.closed += 1

    def run(self) -> None:
        """Write while nobody objects."""
        while self.pieces and not self.paused and not self.stopped:
            self.consumer.write(self.pieces.pop(0))
        if not self.pieces and not self.stopped and not self.done.called:
            self.consumer.unregisterProducer()
            self.done.callback(None)

    def pauseProducing(self) -> None:
        """See `IPushProducer`."""
        self.paused = True

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        self.paused = False
        self.run()

    def stopProducing(self) -> None:
        """See `IProducer`."""
        self.stopped = True


def serve(body: IBodySource) -> Client:
    bodies: list[bytes | IBodySource] = [body]
    return Client(lambda request: Response(200, (), bodies.pop() if bodies else b"next"))


def test_a_source_is_written_behind_its_head() -> None:
    source = Pieces([b"hello", b"world"])
    client = serve(source)
    client.send(GET + GET)
    assert [answer.body for answer in client.answers()] == [b"helloworld", b"next"]
    assert source.closed == 1
    assert [exchange.sent for exchange in client.application.exchanges] == [10, 4]


def test_a_full_transport_pauses_a_source_within_its_write() -> None:
    source = Pieces([b"x" * 1_000] * 10)
    client = serve(source)
    client.wire.full = True
    client.send(GET)
    assert source.paused
    assert len(source.pieces) == 10
    client.wire.full = False
    client.make_room()
    assert client.answer().body == b"x" * 10_000


def test_an_empty_source_is_an_empty_body() -> None:
    source = Pieces([])
    client = serve(source)
    client.send(GET + GET)
    assert [answer.body for answer in client.answers()] == [b"", b"next"]
    assert source.closed == 1


def test_a_source_is_closed_without_a_start_where_only_the_head_is_asked_for() -> None:
    source = Pieces([b"hello"])
    client = serve(source)
    client.send(HEAD)
    assert client.answer("HEAD").headers["content-length"] == "5"
    assert source.closed == 1
    assert source.pieces == [b"hello"]


def test_a_source_is_stopped_and_closed_when_the_client_leaves() -> None:
    source = Pieces([b"hello"] * 10, by_hand=True)
    cancelled: list[object] = []
    source.done = Deferred(cancelled.append)
    client = serve(source)
    client.send(GET)
    client.leave()
    assert source.stopped
    assert source.closed == 1
    assert len(cancelled) == 1
    assert [exchange.status for exchange in client.application.exchanges] == [200]


def test_a_source_is_closed_when_its_client_has_left_before_the_answer() -> None:
    source = Pieces([b"hello"])

    async def late() -> Response:
        with suppress(CancelledError):
            await Deferred()
        return Response(200, (), source)

    client = Client(lambda request: Deferred.fromCoroutine(late()))
    client.send(GET)
    client.leave()
    assert source.closed == 1
    assert source.pieces == [b"hello"]


def test_a_source_that_fails_ends_the_connection(logged: list[str]) -> None:
    source = Pieces([b"hello", b"world"], by_hand=True)
    client = serve(source)
    client.send(GET)
    source.consumer.write(b"hello")
    source.done.errback(OSError("the disk is gone"))
    assert client.wire.disconnected
    assert source.closed == 1
    assert logged == ["the body of an answer could not be sent"]


@implementer(IBodySource)
class Unstartable:
    """Cannot even start."""

    length = 5
    closed = 0

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """Fail."""
        raise OSError("nothing there")

    def close(self) -> None:
        """Count."""
        self.closed += 1


def test_a_source_that_cannot_start_ends_the_connection(logged: list[str]) -> None:
    source = Unstartable()
    client = serve(source)
    client.send(GET)
    assert client.wire.disconnected
    assert source.closed == 1
    assert logged == ["the body of an answer could not be sent"]


@pytest.mark.parametrize("length", [9, 11])
def test_a_source_that_is_not_as_long_as_it_said_ends_the_connection(length: int, logged: list[str]) -> None:
    source = Pieces([b"hello", b"world"], length)
    client = serve(source)
    client.send(GET)
    assert client.wire.disconnected
    assert source.closed == 1
    assert logged == ["the body of an answer could not be sent"]
    assert client.raw.count(b"world") == (length == 11)


@implementer(IFileBody)
class FileBody:
    """A range of a file; `cold` are what is read from it first, later."""

    def __init__(self, path: Path, first: int, length: int, cold: list[Deferred[bytes]] | None = None) -> None:
        self.first = first
        self.length = length
        self.closed = 0
        self.looked: list[tuple[int, int]] = []
        self.read_at: list[int] = []
        self._cold = cold or []
        self._fd = os.open(path, os.O_RDONLY)

    def fileno(self) -> int:
        """See `IFileBody`."""
        return self._fd

    def resident(self, offset: int, count: int) -> bool:
        """See `IFileBody`."""
        self.looked.append((offset, count))
        return not self._cold

    def read(self, offset: int, count: int) -> bytes | Deferred[bytes]:
        """See `IFileBody`."""
        self.read_at.append(offset)
        return self._cold.pop(0) if self._cold else os.pread(self._fd, count, offset)

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """A file is sent by the server itself."""
        raise AssertionError("never reached")

    def close(self) -> None:
        """Count."""
        self.closed += 1
        os.close(self._fd)


CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    yield path


@implementer(ISendfileTransport)
class Direct(Wire):
    """Takes bytes from a file by itself, a megabyte at once; `trouble` is what it fails with instead."""

    def __init__(self, trouble: list[OSError] | None = None) -> None:
        super().__init__()
        self.trouble = trouble or []
        self.taken: list[tuple[int, int]] = []

    def write_more(self, data: bytes) -> None:
        """See `ISendfileTransport`."""
        self.write(data)

    def sendfile(self, fd: int, offset: int, count: int) -> int | None:
        """See `ISendfileTransport`."""
        if self.trouble:
            raise self.trouble.pop()
        self.taken.append((offset, count))
        piece = os.pread(fd, min(count, 1_000_000), offset)
        self.write(piece)
        return len(piece)


def serve_directly(body: FileBody, wire: Direct) -> Client:
    client = serve(body)
    client.wire = wire
    client.connection.transport = wire  # type: ignore[assignment]  # it provides what is used
    wire.registerProducer(client.connection, True)
    return client


def test_a_range_of_a_file_is_sent(path: Path) -> None:
    body = FileBody(path, 1_000, 300_000)
    client = serve(body)
    client.send(GET + GET)
    assert [answer.body for answer in client.answers()] == [CONTENT[1_000:301_000], b"next"]
    assert body.closed == 1


def test_a_transport_takes_a_file_that_is_in_memory_in_windows_a_turn_each(path: Path) -> None:
    body = FileBody(path, 0, len(CONTENT))
    wire = Direct()
    client = serve_directly(body, wire)
    client.send(GET)
    assert len(client.raw) < WINDOW + 1_000
    client.clock.advance(0)
    client.clock.advance(0)
    assert client.answer().body == CONTENT
    assert body.looked == [(0, WINDOW), (WINDOW, WINDOW), (2 * WINDOW, len(CONTENT) - 2 * WINDOW)]
    assert wire.taken[:3] == [(0, WINDOW), (1_000_000, WINDOW - 1_000_000), (2_000_000, WINDOW - 2_000_000)]
    assert body.read_at == []


def test_a_small_file_is_written_together_with_its_head(path: Path) -> None:
    wire = Direct()
    writes: list[bytes] = []
    wire.write = writes.append  # type: ignore[assignment,method-assign]  # only to look at
    client = serve_directly(FileBody(path, 0, 1_000), wire)
    client.send(GET)
    (written,) = writes
    assert written.endswith(b"\r\n\r\n" + CONTENT[:1_000])


def test_a_file_that_is_not_in_memory_is_read(path: Path) -> None:
    """The transport could meet another page that is missing, and would wait for the disk."""
    cold: Deferred[bytes] = Deferred()
    body = FileBody(path, 0, 3_000_000, [cold])
    wire = Direct()
    client = serve_directly(body, wire)
    client.send(GET)
    assert client.raw.endswith(b"\r\n\r\n")
    cold.callback(CONTENT[:PIECE])
    client.clock.advance(0)
    client.clock.advance(0)
    assert client.answer().body == CONTENT[:3_000_000]
    assert wire.taken == []
    assert body.looked == [(0, WINDOW)]


def test_the_transport_sends_again_when_much_in_a_row_was_in_memory(tmp_path: Path) -> None:
    content = CONTENT * 5
    path = tmp_path / "longer"
    path.write_bytes(content)
    body = FileBody(path, 0, len(content), [succeed(content[:5]), succeed(content[5:10])])
    wire = Direct()
    client = serve_directly(body, wire)
    client.send(GET)
    for _ in range(len(content) // WINDOW + 1):
        client.clock.advance(0)
    assert client.answer().body == content
    assert TRUSTED <= wire.taken[0][0] < TRUSTED + WINDOW
    assert len(body.read_at) == 2 + -(-TRUSTED // PIECE)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EAGAIN])
def test_a_file_is_read_where_its_transport_cannot(path: Path, number: int) -> None:
    """EINVAL and the like: the filesystem does not know how; EAGAIN: it would have to wait for the disk."""
    body = FileBody(path, 1_000, 1_000_000)
    client = serve_directly(body, Direct([OSError(number, "no")]))
    client.send(GET)
    client.clock.advance(0)
    assert client.answer().body == CONTENT[1_000:1_001_000]
    assert body.read_at[0] == 1_000


def test_a_file_that_a_transport_cannot_read_ends_the_connection(path: Path, logged: list[str]) -> None:
    body = FileBody(path, 0, 1_000_000)
    client = serve_directly(body, Direct([OSError(errno.EIO, "the disk is gone")]))
    client.send(GET)
    assert client.wire.disconnected
    assert body.closed == 1
    assert logged == ["the body of an answer could not be sent"]


def test_what_was_read_at_once_on_a_worker_is_not_waited_for(path: Path) -> None:
    client = serve(FileBody(path, 0, 1_000, [succeed(CONTENT[:400])]))
    client.send(GET)
    assert client.answer().body == CONTENT[:1_000]


@pytest.mark.parametrize("later", [False, True])
def test_a_file_that_cannot_be_read_ends_the_connection(path: Path, later: bool, logged: list[str]) -> None:
    cold: Deferred[bytes] = Deferred() if later else fail(OSError("the disk is gone"))
    body = FileBody(path, 0, 1_000, [cold])
    client = serve(body)
    client.send(GET)
    if later:
        cold.errback(OSError("the disk is gone"))
    assert client.wire.disconnected
    assert body.closed == 1
    assert logged == ["the body of an answer could not be sent"]


@pytest.mark.parametrize("direct", [False, True])
def test_a_file_that_ends_early_ends_the_connection(path: Path, direct: bool, logged: list[str]) -> None:
    body = FileBody(path, len(CONTENT) - 100_000, 100_001)
    client = serve_directly(body, Direct()) if direct else serve(body)
    client.send(GET)
    assert client.wire.disconnected
    assert body.closed == 1
    assert logged == ["the body of an answer could not be sent"]


def test_a_full_transport_pauses_a_file(path: Path) -> None:
    client = serve(FileBody(path, 0, 1_000_000))
    client.wire.full = True
    client.send(GET)
    assert len(client.raw) < PIECE + 1_000
    client.connection.resumeProducing()
    assert len(client.raw) < 2 * PIECE + 1_000
    client.make_room()
    assert client.answer().body == CONTENT[:1_000_000]


def test_room_while_a_file_is_cold_starts_nothing(path: Path) -> None:
    cold: Deferred[bytes] = Deferred()
    body = FileBody(path, 0, 1_000, [cold])
    client = serve(body)
    client.wire.full = True
    client.send(GET)
    client.make_room()
    client.wire.full = True
    assert client.raw.endswith(b"\r\n\r\n")
    assert body.read_at == [0]
    cold.callback(CONTENT[:1_000])
    client.make_room()
    assert client.answer().body == CONTENT[:1_000]


def test_a_file_is_closed_when_the_client_leaves(path: Path) -> None:
    body = FileBody(path, 0, len(CONTENT))
    client = serve(body)
    client.send(GET)
    client.leave()
    assert body.closed == 1
    assert not client.clock.getDelayedCalls()


def test_what_is_read_for_a_client_that_has_left_is_dropped(path: Path) -> None:
    cold: Deferred[bytes] = Deferred()
    body = FileBody(path, 0, 1_000, [cold])
    client = serve(body)
    client.send(GET)
    client.leave()
    cold.callback(CONTENT[:1_000])
    assert body.closed == 1
    assert client.raw.endswith(b"\r\n\r\n")


def test_only_the_head_of_a_file_is_sent_where_that_is_asked_for(path: Path) -> None:
    body = FileBody(path, 0, 1_000)
    client = serve(body)
    client.send(HEAD)
    assert client.answer("HEAD").headers["content-length"] == "1000"
    assert body.closed == 1
    assert (body.looked, body.read_at) == ([], [])


def test_an_empty_range_is_an_empty_body(path: Path) -> None:
    body = FileBody(path, 0, 0)
    client = serve(body)
    client.send(GET)
    assert client.answer().body == b""
    assert body.closed == 1
