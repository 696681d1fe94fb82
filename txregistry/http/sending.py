"""The body of one response, from its source to the transport."""

from __future__ import annotations

import errno
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
from txregistry.http.sources import IBodySource, IFileBody
from txregistry.http.wires import ISendfileTransport

# A file is looked at, and then sent, in windows of so many bytes; after each of them others get their turn.
WINDOW = 2 * 1024 * 1024
# What is read from a file at once where the transport does not do it.
PIECE = 256 * 1024
# When so much in a row has been found in memory, the transport gets it to send again.
TRUSTED = 16 * 1024 * 1024
# A file up to this size costs less when it is read and sent together with the head.
SMALL = 64 * 1024

# What a transport fails with where it cannot do it: the filesystem does not know how, or would have to wait.
_UNABLE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EAGAIN)

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
    """Sends a range of a file: the transport takes it by itself where it can, and else it is read in pieces.

    A kernel that sends from a file waits for the disk where a page is missing, and it cannot be asked about every page.
    So where a part of the file was missing, what follows is read in ways that never wait.
    """

    def __init__(self, head: bytes, body: IFileBody, transport: ITransport, clock: IReactorTime, ended: Ended) -> None:
        self.sent = 0
        self._head = head
        self._body = body
        self._transport = transport
        self._clock = clock
        self._ended = ended
        self._length: int = body.length
        self._first: int = body.first
        self._direct: ISendfileTransport | None = None
        if self._length > SMALL and ISendfileTransport.providedBy(transport):
            self._direct = transport
        # So much is read before the transport gets to send again.
        self._to_read = 0
        self._fd = -1
        # Up to here the file was in memory when it was looked at.
        self._resident = 0
        self._paused = False
        self._running = False
        self._over = False
        self._waiting = False
        self._turn: IDelayedCall | None = None

    def start(self) -> None:
        """See `Sending`."""
        self._fd = self._body.fileno()
        if not self._length:
            self._write_head()
        elif self._direct is not None:
            self._direct.write_more(self._head)
            self._head = b""
        self._run()

    def pause(self) -> None:
        """See `Sending`."""
        self._paused = True

    def resume(self) -> None:
        """See `Sending`."""
        self._paused = False
        if not self._waiting and self._turn is None and not self._running:
            self._run()

    def stop(self) -> None:
        """See `Sending`."""
        if self._over:
            return
        self._over = True
        if self._turn is not None:
            self._turn.cancel()
        self._body.close()

    def _run(self) -> None:
        self._running = True
        turn_ends = self.sent + WINDOW
        try:
            while not (self._paused or self._over):
                if self.sent == self._length:
                    self._end(None)
                elif self.sent >= turn_ends:
                    self._turn = self._clock.callLater(0, self._next_turn)
                    return
                elif not self._send_some(self._first + self.sent, self._length - self.sent):
                    return
        except OSError:
            self._end(failure())
        finally:
            self._running = False

    def _send_some(self, at: int, left: int) -> bool:
        """Whether to go on at once."""
        if self._direct is not None and self._to_read <= 0:
            if self.sent >= self._resident and self._body.resident(at, min(WINDOW, left)):
                self._resident = self.sent + min(WINDOW, left)
            if self.sent < self._resident:
                return self._send_directly(self._direct, at)
            self._to_read = TRUSTED
        piece = self._body.read(at, min(PIECE, left))
        if isinstance(piece, bytes):
            self._to_read -= len(piece)
            self._take(piece)
            return True
        self._to_read = TRUSTED
        self._write_head()
        self._waiting = True
        piece.addCallbacks(self._arrived, self._end)
        return not self._waiting

    def _send_directly(self, transport: ISendfileTransport, at: int) -> bool:
        try:
            count = transport.sendfile(self._fd, at, self._resident - self.sent)
        except OSError as problem:
            if problem.errno not in _UNABLE:
                raise
            self._resident = self.sent
            self._to_read = TRUSTED
            return True
        if count is None:
            return False
        self._count(count)
        return True

    def _arrived(self, piece: bytes) -> None:
        self._waiting = False
        if not self._over:
            self._take(piece)
            if not (self._paused or self._running):
                self._run()

    def _take(self, piece: bytes) -> None:
        head, self._head = self._head, b""
        self._count(len(piece))
        self._transport.write(head + piece if head else piece)

    def _count(self, count: int) -> None:
        if not count:
            self._end(failure(BadResponse("a file is shorter than its length")))
        self.sent += count

    def _write_head(self) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.write(head)

    def _next_turn(self) -> None:
        self._turn = None
        if not self._paused:
            self._run()

    def _end(self, problem: Failure | None) -> None:
        if not self._over:
            self._over = True
            self._body.close()
            self._ended(problem)
