"""Several ranges of one file as the body of one answer (RFC 9110 §14.6)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from txregistry.concurrency.turns import Turns
from txregistry.http.sources import IBodySource
from txregistry.oci.ranges import ByteRange, format_content_range
from txregistry.storage.interfaces import IFileBacked, IReader

# Bytes written at once, so that many small parts cost few system calls.
_PIECE = 262_144


@implementer(IBodySource, IPushProducer)
class Multipart:
    """The parts in the order they were asked for; podman and stargz take what they lack of a layer so.

    One open file serves all of them, so a blob that is deleted meanwhile is given to its end.
    """

    def __init__(self, reader: IReader, file: IFileBacked, parts: Sequence[ByteRange], turns: Turns) -> None:
        """`reader` is of the whole file, and `file` the same."""
        self._reader = reader
        self._file = file
        self._turns = turns
        # Nobody can make a blob that holds it.
        boundary = secrets.token_hex(16)
        self._parts = [(_head(boundary, part, reader.total), part) for part in parts]
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self.length: int = sum(len(head) + part.length for head, part in self._parts) + len(self._end)
        self.content_type: bytes = f"multipart/byteranges; boundary={boundary}".encode()
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None
        self._paused = False
        self._room: Deferred[None] | None = None

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodySource`."""
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        self._consumer = consumer
        consumer.registerProducer(self, True)
        # Nobody cancels this one: a worker may be reading from the file.
        Deferred.fromCoroutine(self._send()).addCallbacks(self._finish, lambda failure: self._finish(failure.value))
        return done

    def close(self) -> None:
        """See `IBodySource`."""
        self.stopProducing()
        self._reader.close()

    def pauseProducing(self) -> None:
        """Write no more until resumed."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write on."""
        self._paused = False
        room, self._room = self._room, None
        if room is not None:
            room.callback(None)

    def stopProducing(self) -> None:
        """Write nothing more: `start` fails with `CancelledError`."""
        self._finish(CancelledError())
        self.resumeProducing()

    async def _send(self) -> None:
        held, loop = bytearray(), self._turns.loop()
        for head, part in self._parts:
            held += head
            at = part.first
            while at <= part.last:
                await loop.take()
                if self._consumer is None:
                    return
                piece = self._file.read(at, min(_PIECE, part.last + 1 - at))
                read = await piece if isinstance(piece, Deferred) else piece
                if not read:
                    return  # The file has become shorter, and whoever counts the bytes sees that they are too few.
                at += len(read)
                held += read
                if len(held) >= _PIECE:
                    await self._write(held)
        held += self._end
        await self._write(held)

    async def _write(self, held: bytearray) -> None:
        while self._paused:
            self._room = Deferred()
            await self._room
        if self._consumer is not None:
            self._consumer.write(bytes(held))
        held.clear()

    def _finish(self, error: BaseException | None) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None or self._done is None:
            return
        consumer.unregisterProducer()
        if error is None:
            self._done.callback(None)
        else:
            self._done.errback(error)


def _head(boundary: str, part: ByteRange, total: int) -> bytes:
    where = format_content_range(part, total)
    return f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: {where}\r\n\r\n".encode()
