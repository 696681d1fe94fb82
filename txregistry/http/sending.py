"""The body of one response, from its source to the transport."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IProducer,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.http.errors import BadResponse
from txregistry.http.failures import failure
from txregistry.http.interfaces import IBodySource, IFileBody
from txregistry.http.settled import settled
from txregistry.http.wires import ISendfileTransport

# A file is looked at, and then sent, in windows of so many bytes; after each of them others get their turn.
WINDOW = 2 * 1024 * 1024
# What is read from a file at once where the kernel cannot send it by itself.
PIECE = 256 * 1024

# What sendfile fails with on a filesystem that does not know it.
_NO_SENDFILE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

# Told once that a body is sent, or with what went wrong.
Ended = Callable[[Failure | None], None]


class Sending(Protocol):
    """A response body under way; `sent` counts the bytes given to the transport."""

    sent: int

    def start(self) -> None:
        """Begin; may end within the call."""

    def pause(self) -> None:
        """The transport is full."""

    def resume(self) -> None:
        """The transport has room."""

    def stop(self) -> None:
        """The connection is lost: let go of everything, tell nobody."""


@implementer(IConsumer)
class SourceSending:
    """Stands between a source and the transport, and counts."""

    def __init__(self, head: bytes, source: IBodySource, transport: ITransport, ended: Ended) -> None:
        self.sent = 0
        self._head = head
        self._source = source
        self._transport = transport
        self._ended = ended
        self._producer: IPushProducer | None = None
        self._paused = False
        self._over = False
        self._waiting: Deferred[None] | None = None

    def start(self) -> None:
        """See `Sending`."""
        self._transport.write(self._head)
        try:
            waiting = self._source.start(self)
        except Exception:
            self._end(failure())
            return
        self._waiting = waiting
        waiting.addCallbacks(self._finished, self._end)

    def pause(self) -> None:
        """See `Sending`."""
        self._paused = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def resume(self) -> None:
        """See `Sending`."""
        self._paused = False
        if self._producer is not None:
            self._producer.resumeProducing()

    def stop(self) -> None:
        """See `Sending`."""
        if self._over:
            return
        self._over = True
        if self._producer is not None:
            self._producer.stopProducing()
        if self._waiting is not None:
            self._waiting.cancel()
        self._source.close()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take a push producer, as `IBodySource` promises one; raise `ValueError` at another."""
        if not streaming or self._producer is not None:
            raise ValueError("a body source registers one push producer")
        self._producer = cast(IPushProducer, producer)
        if self._paused:
            self._producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """All is written."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """Pass bytes on; pauses the producer when the transport is full."""
        if self._over:
            return
        self.sent += len(data)
        if self.sent > self._source.length:
            self._end(failure(BadResponse("a body is longer than its length")))
        else:
            self._transport.write(data)

    def _finished(self, _result: None) -> None:
        problem = None
        if self.sent != self._source.length:
            problem = failure(BadResponse("a body is shorter than its length"))
        self._end(problem)

    def _end(self, problem: Failure | None) -> None:
        if not self._over:
            self._over = True
            self._source.close()
            self._ended(problem)


class FileSending:
    """Sends a range of a file: by the kernel where the transport can, read in large pieces where not."""

    def __init__(self, head: bytes, body: IFileBody, transport: ITransport, clock: IReactorTime, ended: Ended) -> None:
        self.sent = 0
        self._head = head
        self._body = body
        self._transport = transport
        self._write_head: Callable[[bytes], None] = transport.write
        self._send_some: Callable[[int, int, int], int | None] = self._read_and_write
        if ISendfileTransport.providedBy(transport):
            self._write_head, self._send_some = transport.write_more, transport.sendfile
        self._clock = clock
        self._ended = ended
        self._fd = -1
        self._length: int = body.length
        self._first: int = body.first
        # Up to here the file is known to be in memory.
        self._warm = 0
        self._paused = False
        self._running = False
        self._over = False
        self._waiting: Deferred[None] | None = None
        self._turn: IDelayedCall | None = None

    def start(self) -> None:
        """See `Sending`."""
        self._fd = self._body.fileno()
        (self._write_head if self._length else self._transport.write)(self._head)
        self._run()

    def pause(self) -> None:
        """See `Sending`."""
        self._paused = True

    def resume(self) -> None:
        """See `Sending`."""
        self._paused = False
        if self._waiting is None and self._turn is None and not self._running:
            self._run()

    def stop(self) -> None:
        """See `Sending`."""
        if self._over:
            return
        self._over = True
        if self._turn is not None:
            self._turn.cancel()
        if self._waiting is not None:
            self._waiting.cancel()
        self._body.close()

    def _run(self) -> None:
        self._running = True
        try:
            self._send_window()
        except OSError as problem:
            if problem.errno not in _NO_SENDFILE or self._send_some == self._read_and_write:
                self._end(failure())
                return
            self._send_some = self._read_and_write
            self._turn = self._clock.callLater(0, self._next_turn)
        finally:
            self._running = False

    def _send_window(self) -> None:
        turn_ends = self.sent + WINDOW
        while not (self._paused or self._over):
            if self.sent == self._length:
                self._end(None)
                return
            if self.sent >= turn_ends:
                self._turn = self._clock.callLater(0, self._next_turn)
                return
            if self.sent >= self._warm and not self._warm_up():
                return
            count = self._send_some(self._fd, self._first + self.sent, self._warm - self.sent)
            if count is None:
                return
            if count == 0:
                self._end(failure(BadResponse("a file is shorter than its length")))
            self.sent += count

    def _warm_up(self) -> bool:
        """See that the next window is in memory; whether it is already."""
        count = min(WINDOW, self._length - self.sent)
        self._warm = self.sent + count
        waiting = self._body.warm(self._first + self.sent, count)
        outcome = None if waiting is None else settled(waiting)
        if isinstance(outcome, Deferred):
            self._waiting = outcome
            outcome.addCallbacks(self._warmed, self._end)
            return False
        if isinstance(outcome, Failure):
            self._end(outcome)
            return False
        return True

    def _warmed(self, _result: None) -> None:
        self._waiting = None
        if not self._paused:
            self._run()

    def _next_turn(self) -> None:
        self._turn = None
        if not self._paused:
            self._run()

    def _read_and_write(self, fd: int, offset: int, count: int) -> int:
        piece = os.pread(fd, min(count, PIECE), offset)
        self._transport.write(piece)
        return len(piece)

    def _end(self, problem: Failure | None) -> None:
        if not self._over:
            self._over = True
            self._body.close()
            self._ended(problem)
