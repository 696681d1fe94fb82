"""A client over a wire in memory, and an application for it to talk to."""

# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few of its means of testing.

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from attrs import frozen
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer, provider

from txregistry.http.connection import HTTPConnection
from txregistry.http.errors import BadMessage
from txregistry.http.exchange import Exchange
from txregistry.http.headers import Field
from txregistry.http.interfaces import IApplication
from txregistry.http.limits import Limits
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.server import HTTPFactory
from txregistry.http.wires import IMeasuredTransport


@contextmanager
def errors_logged() -> Iterator[list[str]]:
    """The messages of the errors that are logged within the block."""
    messages: list[str] = []

    @provider(ILogObserver)
    def observer(event: LogEvent) -> None:
        if event["log_level"] >= LogLevel.error:
            messages.append(event["log_format"])

    provided = cast(ILogObserver, observer)
    globalLogPublisher.addObserver(provided)
    try:
        yield messages
    finally:
        globalLogPublisher.removeObserver(provided)


Answer = Response | Deferred[Response]
Handler = Callable[[Request], Answer]


def echo(request: Request) -> Response:
    """Answer with what was asked for."""
    return Response(200, ((b"Content-Type", b"text/plain"),), f"{request.method} {request.path}".encode())


@implementer(IApplication)
class Application:
    """Keeps what it was told."""

    headers: Sequence[Field] = ()

    def __init__(self, handler: Handler = echo) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self.problems: list[BadMessage] = []
        self.exchanges: list[Exchange] = []

    def handle(self, request: Request) -> Answer:
        """Call the handler."""
        self.requests.append(request)
        return self.handler(request)

    def refused(self, problem: BadMessage) -> Response:
        """Answer with the reason."""
        self.problems.append(problem)
        return Response(problem.status, ((b"Content-Type", b"text/plain"),), problem.reason.encode())

    def finished(self, exchange: Exchange) -> None:
        """Remember."""
        self.exchanges.append(exchange)


@implementer(IMeasuredTransport)
class Wire(StringTransport):
    """A transport in memory. While it is `full` the kernel takes nothing: a write pauses the producer."""

    full = False
    unsent = 0
    half_closed = False
    producer: IPushProducer | None

    def write(self, data: bytes) -> None:
        """Keep the bytes."""
        super().write(data)
        if self.full and data and self.producer is not None:
            self.unsent += len(data)
            self.producer.pauseProducing()

    def loseWriteConnection(self) -> None:
        """Remember that no more can be sent."""
        self.half_closed = True

    @property
    def reading(self) -> bool:
        """Whether the server reads from the socket."""
        return bool(self.producerState == "producing")


@frozen
class Received:
    """An answer as it came over the wire; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection to a server with this application."""

    def __init__(
        self,
        handler: Handler = echo,
        limits: Limits | None = None,
        application: Application | None = None,
        factory: HTTPFactory | None = None,
        clock: MemoryReactorClock | None = None,
    ) -> None:
        self.application = application or Application(handler)
        self.clock = clock or MemoryReactorClock()
        self.factory = factory or HTTPFactory(self.application, self.clock, limits or Limits())
        connection = self.factory.buildProtocol(None)
        assert isinstance(connection, HTTPConnection)
        self.connection = connection
        peer = IPv4Address("TCP", "192.0.2.7", 40123)
        self.wire = Wire(peerAddress=peer)
        connection.makeConnection(self.wire)

    def send(self, *pieces: bytes) -> None:
        """Let bytes arrive, a piece at a time."""
        for piece in pieces:
            self.connection.dataReceived(piece)

    def finish_sending(self) -> None:
        """Close the client's half."""
        self.connection.readConnectionLost()

    def leave(self) -> None:
        """Lose the connection."""
        self.connection.connectionLost(Failure(ConnectionDone()))

    def make_room(self) -> None:
        """The kernel takes all that was written."""
        self.wire.full = False
        self.wire.unsent = 0
        if self.wire.producer is not None:
            self.wire.producer.resumeProducing()

    def wait(self, seconds: int) -> None:
        """Let so many seconds pass, one after the other."""
        self.clock.pump([1.0] * seconds)

    @property
    def raw(self) -> bytes:
        """All that the server has sent."""
        value: bytes = self.wire.value()
        return value

    def answers(self, *methods: str) -> list[Received]:
        """Take apart all that the server has sent; `methods` are those of the requests, GET where not given.

        Strict: every byte must belong to an answer.
        """
        return split_answers(self.raw, list(methods))

    def answer(self, method: str = "GET") -> Received:
        """The one answer that came."""
        (answer,) = self.answers(method)
        return answer

    @property
    def closed(self) -> bool:
        """Whether the server has closed, its half or all."""
        return bool(self.wire.half_closed or self.wire.disconnecting)


def split_answers(raw: bytes, methods: list[str]) -> list[Received]:
    """Take apart what a server sent."""
    answers: list[Received] = []
    while raw:
        head, separator, raw = raw.partition(b"\r\n\r\n")
        assert separator, head
        first, *lines = head.split(b"\r\n")
        match = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [A-Za-z' -]+", first)
        assert match, first
        status = int(match[1])
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(b": ")
            key = name.decode().lower()
            assert key not in headers, line
            headers[key] = value.decode()
        if status == 100:
            answers.append(Received(status, headers, b""))
            continue
        method = methods.pop(0) if methods else "GET"
        length = 0 if method == "HEAD" or status in (204, 304) else int(headers["content-length"])
        assert len(raw) >= length, (first, raw)
        answers.append(Received(status, headers, raw[:length]))
        raw = raw[length:]
    return answers


@implementer(IConsumer)
class Sink:
    """A consumer that keeps what it is written, and lets a test act within each write."""

    def __init__(self, within_write: Callable[[Sink], None] | None = None) -> None:
        self.pieces: list[bytes] = []
        self.registered = False
        self.within_write = within_write
        self._producer: IPushProducer | None = None

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Push producers only."""
        assert streaming
        assert IPushProducer.providedBy(producer)
        self._producer = producer
        self.registered = True

    def unregisterProducer(self) -> None:
        """All has come, or no more will."""
        self.registered = False

    def write(self, data: bytes) -> None:
        """Keep a piece."""
        assert self.registered
        assert isinstance(data, bytes)
        self.pieces.append(data)
        if self.within_write is not None:
            self.within_write(self)

    @property
    def producer(self) -> IPushProducer:
        """Who writes."""
        assert self._producer is not None
        return self._producer

    @property
    def data(self) -> bytes:
        """All that was written."""
        return b"".join(self.pieces)
