"""A byte range of an open file: sent by sendfile, or pushed in pieces."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.concurrency.workers import IWorkers
from txregistry.storage.errors import StorageFailure
from txregistry.storage.filesystem.failures import while_writing
from txregistry.storage.filesystem.probe import Traits
from txregistry.storage.interfaces import IFileBacked, IReader

P = ParamSpec("P")
T = TypeVar("T")

# Bytes pushed at once.
PIECE = 262_144
# After this many bytes in the reactor's thread a worker reads the next piece, which lets others have a turn.
TURN = 4_194_304
# A page in memory speaks for its neighbours up to this distance. Where a kernel reads ahead in smaller steps, a missing
# page may be overlooked; to look at all costs more than sending them.
_PROBE_STEP = 524_288

# Of a file that had to be waited for, the disk is told to fetch so much at once, and always so much beforehand.
_AHEAD = 4_194_304

_probe = [bytearray(1)]
# One buffer for all reads in the reactor's thread, where no two happen at once.
_buffer = memoryview(bytearray(PIECE))


@implementer(IReader, IPushProducer)
class PushReader:
    """Pushes; takes over the descriptor, of a regular file."""

    def __init__(
        self, path: str, descriptor: int, total: int, first: int, length: int, workers: IWorkers, traits: Traits
    ) -> None:
        self.length = length
        self.total = total
        self.first = first
        self._path = path
        self._descriptor = descriptor
        self._workers = workers
        self._flags = traits.read_flags
        self._position = first
        self._turn = 0
        self._paused = False
        self._pushing = False
        self._closed = False
        self._at_work = 0
        # Up to here the disk has been told to fetch; 0 while nothing had to be waited for.
        self._told = 0
        self._piece: bytes | None = None
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """See `IReader`."""
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        self._consumer = consumer
        consumer.registerProducer(self, True)
        self.resumeProducing()
        return done

    def close(self) -> None:
        """See `IReader`."""
        if not self._closed:
            self._closed = True
            self.stopProducing()
            self._let_go()

    def pauseProducing(self) -> None:
        """Write no more until resumed."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write on."""
        self._paused = False
        self._push()

    def stopProducing(self) -> None:
        """Write nothing more: `start` fails with `CancelledError`."""
        self._finish(CancelledError())

    def _push(self) -> None:
        if self._pushing:
            return  # Called from within `write` or by a worker that was done at once: the loop below us goes on.
        self._pushing = True
        try:
            while self._consumer is not None and not self._paused and not self._at_work:
                self._step(self._consumer)
        except Exception as error:
            self._finish(error)
        finally:
            self._pushing = False

    def _step(self, consumer: IConsumer) -> None:
        if self._piece is not None:
            piece, self._piece = self._piece, None
            self._position += len(piece)
            self._turn += len(piece)
            consumer.write(piece)
            return
        count = min(PIECE, self.first + self.length - self._position)
        if count == 0:
            self._finish(None)
            return
        if self._turn < TURN:
            self._piece = self._read_resident(self._position, count)
        if self._piece is None:
            self._turn = 0
            self._fetch(self._position, count).addCallbacks(self._arrived, self._fail)

    def _arrived(self, piece: bytes) -> None:
        try:
            self._take(piece)
        except StorageFailure as failure:
            self._finish(failure)
        else:
            self._push()

    def _take(self, piece: bytes) -> None:
        if not piece:
            raise StorageFailure(self._path, "the file has become shorter")
        self._piece = piece

    def _read_resident(self, offset: int, count: int) -> bytes | None:
        """None where nothing is in memory, at the end, and on an error, which a worker will meet again and report."""
        if self._flags is None:
            return None
        try:
            return bytes(_buffer[: os.preadv(self._descriptor, [_buffer[:count]], offset, self._flags)]) or None
        except OSError:
            return None

    def _fetch(self, offset: int, count: int) -> Deferred[bytes]:
        start = max(self._told, offset + count)
        self._told = min(start + _AHEAD, self.first + self.length)
        return self._work(_read_ahead, self._descriptor, offset, count, start, self._told)

    def _falls_behind(self, offset: int) -> bool:
        """Whether the disk has too little left to do while what stands before this offset is being sent."""
        return 0 < self._told < min(offset + _AHEAD, self.first + self.length)

    def _work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        def back(result: T) -> T:
            self._at_work -= 1
            self._let_go()
            return result

        self._at_work += 1
        return self._workers.run(function, *args, **kwargs).addBoth(back)

    def _let_go(self) -> None:
        # A descriptor that a worker still reads from may not be closed: its number could come to mean another file.
        if self._closed and not self._at_work:
            os.close(self._descriptor)

    def _fail(self, failure: Failure) -> None:
        self._finish(failure.value)

    def _finish(self, error: BaseException | None) -> None:
        consumer, self._consumer = self._consumer, None
        self._piece = None
        if consumer is not None and self._done is not None:
            consumer.unregisterProducer()
            if error is None:
                self._done.callback(None)
            else:
                self._done.errback(while_writing(error, self._path) if isinstance(error, OSError) else error)


@implementer(IFileBacked)
class FileReader(PushReader):
    """Can also be sent from its descriptor."""

    def fileno(self) -> int:
        """See `IFileBacked`."""
        return self._descriptor

    def resident(self, offset: int, count: int) -> bool:
        """See `IFileBacked`."""
        flags = self._flags
        if not flags:
            return flags == 0
        if self._falls_behind(offset):
            return False
        try:
            for at in range(offset, offset + count, _PROBE_STEP):
                os.preadv(self._descriptor, _probe, at, flags)
            os.preadv(self._descriptor, _probe, offset + count - 1, flags)
        except OSError:
            return False
        return True

    def read(self, offset: int, count: int) -> bytes | Deferred[bytes]:
        """See `IFileBacked`."""
        count = min(count, PIECE)
        piece = None if self._falls_behind(offset) else self._read_resident(offset, count)
        return piece or self._fetch(offset, count)


def _read_ahead(descriptor: int, offset: int, count: int, start: int, end: int) -> bytes:
    # The disk gets to know what follows too, and fetches it while this is being sent.
    if start < end:
        os.posix_fadvise(descriptor, start, end - start, os.POSIX_FADV_WILLNEED)
    return os.pread(descriptor, count, offset)
