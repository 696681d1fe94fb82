"""Takes an upload from its producer: queues a bounded number of bytes and passes them on in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import cast

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IProducer, IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.concurrency.shield import shielded
from txregistry.storage.errors import StorageFailure
from txregistry.storage.filesystem.failures import while_writing
from txregistry.storage.filesystem.share import QueueShare
from txregistry.storage.filesystem.upload import Afterwards, UploadFile
from txregistry.storage.interfaces import Hasher, IWriter
from txregistry.storage.paths import check_path

# From this many pieces on, copying them into one costs less than hashing and writing each.
_JOIN_FROM = 16

_log = Logger()


@implementer(IWriter)
class FileWriter:
    """Over an upload's file; `path` is relative to `root`, which ends with a slash."""

    def __init__(self, root: str, path: str, file: UploadFile, share: QueueShare) -> None:
        self.offset = file.size
        self._root = root
        self._path = path
        self._file = file
        self._share = share
        self._queue: deque[bytes] = deque()
        self._producer: IPushProducer | None = None
        self._paused = False
        self._open = True
        self._error: StorageFailure | None = None
        self._flushes: deque[tuple[int, Deferred[None]]] = deque()
        self._passing_on: Deferred[None] | None = None
        self._ending = DeferredLock()
        share.join()

    @property
    def hasher(self) -> Hasher | None:
        """See `IWriter`."""
        return self._file.hasher

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take a push producer; stop it at once where nothing is taken any more."""
        if not streaming:
            raise ValueError("not a push producer")
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        if self._open and self._error is None:
            self._producer = cast(IPushProducer, producer)
            self._paused = False
        else:
            producer.stopProducing()

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """Queue the bytes. After an error or the end they are dropped, and `offset` does not count them."""
        if not data or not self._open or self._error is not None:
            return
        self._queue.append(data)
        self.offset += len(data)
        if self._waiting() >= self._share.batch:
            self._pass_on()
        if self._waiting() >= self._share.high_water and self._producer is not None and not self._paused:
            self._paused = True
            self._producer.pauseProducing()

    async def flush(self) -> int:
        """See `IWriter`."""
        if self._error is not None:
            raise self._error
        if self._open and (self._waiting() or self._file.descriptor is None):
            flushed: Deferred[None] = Deferred()
            self._flushes.append((self.offset, flushed))
            self._pass_on()
            await flushed
        return self.offset

    async def publish(self, target: str, links: Sequence[tuple[str, bytes]] = (), leftover: str | None = None) -> None:
        """See `IWriter`."""
        paths = [target, *(path for path, _ in links), *([] if leftover is None else [leftover])]
        for path in paths:
            check_path(path)
        after = Afterwards(
            [(self._root + path, content) for path, content in links],
            None if leftover is None else self._root + leftover,
        )
        try:
            await self.flush()
        except StorageFailure:
            await self.suspend()
            raise
        await shielded(self._publish(target, after))

    async def suspend(self) -> None:
        """See `IWriter`."""
        await shielded(self._suspend())

    async def abandon(self) -> None:
        """See `IWriter`."""
        await shielded(self._abandon())

    def _waiting(self) -> int:
        return self.offset - self._file.size

    def _pass_on(self) -> None:
        if self._passing_on is None:
            # Without a result yet, so that what runs at once within the coroutine sees that it runs.
            self._passing_on = Deferred()
            Deferred.fromCoroutine(self._pass_on_batches())

    async def _pass_on_batches(self) -> None:
        try:
            while self._error is None and (self._flushes or self._waiting() >= self._share.batch):
                await self._file.append(self._next_batch())
                while self._flushes and self._flushes[0][0] <= self._file.size:
                    self._flushes.popleft()[1].callback(None)
                if self._paused and self._waiting() < self._share.low_water:
                    self._paused = False
                    if self._producer is not None:
                        self._producer.resumeProducing()
        except Exception as error:
            self._break(error)
        finally:
            done, self._passing_on = self._passing_on, None
            if done is not None:
                done.callback(None)

    def _next_batch(self) -> list[bytes]:
        pieces: list[bytes] = []
        size = 0
        while self._queue and size < self._share.batch:
            pieces.append(self._queue.popleft())
            size += len(pieces[-1])
        return [b"".join(pieces)] if len(pieces) >= _JOIN_FROM else pieces

    def _break(self, error: Exception) -> StorageFailure:
        failure = while_writing(error, self._path) if isinstance(error, OSError | ValueError) else error
        if not isinstance(failure, StorageFailure):
            failure = StorageFailure(self._path, repr(error))
        if self._error is None:
            self._error = failure
            _log.error("upload broke", path=self._path, reason=failure.reason)
        self._drop_queue()
        self._stop_producer()
        while self._flushes:
            self._flushes.popleft()[1].errback(self._error)
        return failure

    async def _publish(self, target: str, after: Afterwards) -> None:
        async with self._ending:
            if not self._open or self._waiting():
                raise RuntimeError("published while it was written to, or after its end")
            try:
                await self._file.publish(self._root + target, after)
            except Exception as error:
                failure = self._break(error)
                await self._close()
                raise failure from error
            self._end()

    async def _suspend(self) -> None:
        async with self._ending:
            if not self._open:
                return
            self._stop_producer()
            try:
                await self.flush()
            except StorageFailure as failure:
                _log.warn("upload kept in part", path=self._path, reason=failure.reason)
            await self._quiet()
            await self._close()

    async def _close(self) -> None:
        try:
            await self._file.close()
        except OSError as error:
            self._break(error)
        self._end()
        self.offset = self._file.size

    async def _abandon(self) -> None:
        async with self._ending:
            if not self._open:
                return
            self._end()
            await self._quiet()
            self.offset = 0
            try:
                await self._file.remove()
            except OSError as error:
                raise self._break(error) from error

    async def _quiet(self) -> None:
        if self._passing_on is not None:
            await self._passing_on

    def _end(self) -> None:
        self._open = False
        self._drop_queue()
        self._stop_producer()
        self._share.leave()

    def _drop_queue(self) -> None:
        while self._queue:
            self.offset -= len(self._queue.popleft())

    def _stop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
