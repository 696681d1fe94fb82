"""The body of a request: a push producer for exactly one reader."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.http.errors import BodyAborted, BodyAlreadyRead, BodyTooLarge
from txregistry.http.failures import failure

# So much is taken in of a body that nobody reads yet.
HIGH_WATER = 64 * 1024


class Flow(Protocol):
    """What a body asks of the connection it arrives on."""

    def body_wanted(self) -> None:
        """Somebody reads now: send `100 Continue` if the client waits for it."""

    def body_flow_changed(self) -> None:
        """The reader paused, resumed or left."""


@implementer(IPushProducer)
class RequestBody:
    """`length` is the declared Content-Length in bytes, None when the body is chunked; 0 when there is none.

    `received` counts the bytes that have come. Handlers call `stream_to` or `read`; the other public methods are for
    the connection, and for the reader as its consumer.
    """

    __slots__ = (
        "_aborted",
        "_claimed",
        "_consumer",
        "_delivering",
        "_done",
        "_flow",
        "_paused",
        "_pieces",
        "_written",
        "complete",
        "expects_continue",
        "length",
        "received",
    )

    def __init__(self, length: int | None, expects_continue: bool = False) -> None:
        self.length = length
        self.received = 0
        self.complete = length == 0
        self.expects_continue = expects_continue
        self._pieces: list[bytes] = []
        self._written = 0
        self._consumer: IConsumer | None = None
        self._done: Deferred[int] | None = None
        self._flow: Flow | None = None
        self._claimed = False
        self._paused = False
        self._aborted = False
        self._delivering = False

    # For the handler.

    def stream_to(self, consumer: IConsumer) -> Deferred[int]:
        """Register as the consumer's push producer and write the body to it as it arrives.

        Fires with the number of bytes once the last one is written and the producer is unregistered. Fails with
        `BodyAborted` when the connection ends before (what came was written), with what `write` raised, or with
        `CancelledError`. Raises `BodyAlreadyRead` at a second call of this or of `read`.
        """
        self._claim()
        done: Deferred[int] = Deferred(self._cancelled)
        self._consumer, self._done = consumer, done
        consumer.registerProducer(self, True)
        self._begin()
        return done

    def read(self, limit: int) -> Deferred[bytes]:
        """The whole body. Fails with `BodyTooLarge` as soon as more than `limit` bytes are declared or have come, with
        `BodyAborted` as above."""
        if (self.length or 0) > limit:
            self._claim()
            return fail(BodyTooLarge())
        if self.complete:
            self._claim()
            if self.received > limit:
                return fail(BodyTooLarge())
            return succeed(b"".join(self._pieces))
        collector = _Collector(self, limit)
        return self.stream_to(collector).addCallback(collector.whole)

    # For the reader, as its consumer.

    def pauseProducing(self) -> None:
        """Write nothing until resumed; the socket is not read meanwhile."""
        if not self._paused:
            self._paused = True
            self._changed()

    def resumeProducing(self) -> None:
        """Write on. What has come already is written within this call, unless this is within a `write`."""
        if self._paused:
            self._paused = False
            self.deliver()
            self._changed()

    def stopProducing(self) -> None:
        """Write no more: the reader's result fails with `BodyAborted`, the rest of the body is not wanted."""
        self.fail(BodyAborted())

    def fail(self, problem: Exception) -> None:
        """End the reading with this problem; the rest of the body is not wanted."""
        self._end(failure(problem))

    # For the connection.

    @property
    def buffered(self) -> int:
        """How many bytes have come and are not written yet."""
        return self.received - self._written

    @property
    def wanted(self) -> bool:
        """Whether a reader waits for more at this moment."""
        return self._consumer is not None and not self._paused

    @property
    def hungry(self) -> bool:
        """Whether more may be fed: to a reader that is not paused, to the little room before there is one, to nobody
        once it is gone."""
        if self._consumer is not None:
            return not self._paused
        return self._claimed or self.buffered < HIGH_WATER

    @property
    def claimed(self) -> bool:
        """Whether the reader is still there, paused or not."""
        return self._consumer is not None

    def attach(self, flow: Flow) -> None:
        """Tell the body whose it is, before a handler gets it."""
        self._flow = flow

    def feed(self, piece: bytes) -> None:
        """Take bytes from the parser; nothing is written before `deliver`."""
        self.received += len(piece)
        if self._claimed and self._consumer is None:
            self._written += len(piece)  # Nobody wants it.
        else:
            self._pieces.append(piece)

    def deliver(self) -> None:
        """Write what has come, and finish if that was all."""
        if self._delivering:
            return
        self._delivering = True
        try:
            if self._pieces and not self._paused and self._consumer is not None:
                self._write(self._consumer)
        finally:
            self._delivering = False
        if not self._pieces:
            if self.complete:
                self._end(None)
            elif self._aborted:
                self._end(failure(BodyAborted()))

    def abort(self) -> None:
        """The rest will never come: write what has, even to a paused reader, and fail the reading."""
        if self.complete or self._aborted:
            return
        self._aborted = True
        self._paused = False
        self.deliver()

    def discard(self) -> None:
        """The exchange is over: whoever still reads gets `BodyAborted`, whatever still comes is dropped."""
        self._claimed = True
        self.fail(BodyAborted())
        self._drop()

    # Inside.

    def _claim(self) -> None:
        if self._claimed:
            raise BodyAlreadyRead()
        self._claimed = True

    def _begin(self) -> None:
        if not self.complete and not self._aborted and self._flow is not None:
            self._flow.body_wanted()
        self.deliver()
        self._changed()

    def _changed(self) -> None:
        # The connection looks at the body itself after each delivery, so within one there is nothing to tell.
        if self._flow is not None and not self._delivering:
            self._flow.body_flow_changed()

    def _write(self, consumer: IConsumer) -> None:
        # Most often there is one, which this does not copy; many come of a client that has sent them byte by byte.
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._written += len(data)
        try:
            consumer.write(data)
        except Exception:
            self._end(failure())

    def _end(self, problem: Failure | None) -> None:
        consumer, done = self._consumer, self._done
        if consumer is None or done is None:
            return
        self._consumer = self._done = None
        if problem is not None:
            self._drop()
        consumer.unregisterProducer()
        if problem is None:
            done.callback(self.received)
        else:
            done.errback(problem)
            self._changed()

    def _cancelled(self, _done: Deferred[int]) -> None:
        # The Deferred fails itself with CancelledError when this returns.
        consumer, self._consumer, self._done = self._consumer, None, None
        self._drop()
        if consumer is not None:
            consumer.unregisterProducer()
        self._changed()

    def _drop(self) -> None:
        self._pieces.clear()
        self._written = self.received


@implementer(IConsumer)
class _Collector:
    """Keeps a body in memory up to a limit."""

    def __init__(self, body: RequestBody, limit: int) -> None:
        self._body = body
        self._limit = limit
        self._pieces: list[bytes] = []

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """A body is never paused by what fits in memory."""

    def unregisterProducer(self) -> None:
        """Nothing is held."""

    def write(self, data: bytes) -> None:
        """Keep a piece, or give up."""
        self._pieces.append(data)
        if self._body.received > self._limit:
            self._body.fail(BodyTooLarge())

    def whole(self, _count: int) -> bytes:
        """All that came."""
        return b"".join(self._pieces)
