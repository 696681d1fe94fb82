"""Blobs that are hashed while they are read, and whose last bytes are held back until the digest is known."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.concurrency.workers import IWorkers
from txregistry.oci.digest import Digest
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import Hasher, IReader
from txregistry.storage.stores import Stores

_log = Logger()

# Bytes that are hashed on a worker at once, and that are held back at the end. With what waits, what is at work and
# what the reader below has in hand, this is four times in memory.
PIECE = 262_144
# How many blobs are remembered as whole, so that not each of many ranges reads all of the blob.
_REMEMBERED = 10_000


@frozen
class ContentDamaged(Exception):
    """What is stored under this digest are other bytes."""

    digest: Digest


class VerifiedBlobs:
    """Opens blobs so that nobody gets the whole of a damaged one.

    A range is preceded by one reading of the whole blob, which is remembered while the store says that the file is the
    same. A reading of the whole is checked each time.
    """

    def __init__(self, stores: Stores, workers: IWorkers) -> None:
        self._stores = stores
        self._workers = workers
        self._whole: OrderedDict[Digest, object] = OrderedDict()

    async def open(self, digest: Digest, first: int = 0, last: int | None = None) -> IReader | None:
        """A reader of the bytes from `first` to `last`, both included; None where there is no such content.

        Where only a part is asked for and the whole is damaged, there is none either; nor where nothing is left of it,
        because an answer without bytes cannot be broken off.
        """
        reader = await self._stores.blobs.open(digest, first, last)
        if reader is None:
            return None
        if reader.total and reader.length == reader.total:
            return VerifiedReader(reader, digest, self._workers)
        try:
            whole = await self._is_whole(digest)
        except BaseException:
            reader.close()
            raise
        if whole:
            return PushedReader(reader)
        reader.close()
        return None

    async def _is_whole(self, digest: Digest) -> bool:
        path = layout.blob_data(digest)
        try:
            before = (await self._stores.driver.stat(path)).version
            if before is not None and self._whole.get(digest) == before:
                self._whole.move_to_end(digest)
                return True
            hashed = await self._stores.driver.hash(path, digest.algorithm)
            after = (await self._stores.driver.stat(path)).version
        except PathNotFound:
            return False
        if hashed.hexdigest() != digest.hex:
            tell_damage(digest)
            return False
        if before is not None and before == after:
            self._whole[digest] = before
            if len(self._whole) > _REMEMBERED:
                self._whole.popitem(last=False)
        return True


def tell_damage(digest: Digest) -> None:
    """Let the operator know."""
    _log.error("damaged content not served", digest=digest)


@implementer(IReader)
class PushedReader:
    """A reader as it is, but never sent from its descriptor."""

    def __init__(self, reader: IReader) -> None:
        self._reader = reader
        self.length: int = reader.length
        self.total: int = reader.total

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """See `IReader`."""
        return self._reader.start(consumer)

    def close(self) -> None:
        """See `IReader`."""
        self._reader.close()


@implementer(IReader, IConsumer, IPushProducer)
class VerifiedReader:
    """Stands between a reader of a whole blob and its consumer. `start` fails with `ContentDamaged`."""

    def __init__(self, reader: IReader, digest: Digest, workers: IWorkers) -> None:
        self.length: int = reader.length
        self.total: int = reader.total
        self._reader = reader
        self._digest = digest
        self._workers = workers
        self._hasher: Hasher = hashlib.new(digest.algorithm)
        self._source: IPushProducer | None = None
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None
        self._waiting: list[bytes] = []
        self._held = b""
        self._at_work = False
        self._paused = False
        self._ended = False

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """See `IReader`."""
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        self._consumer = consumer
        consumer.registerProducer(self, True)
        self._reader.start(self).addCallbacks(self._source_ended, self._source_failed)
        return done

    def close(self) -> None:
        """See `IReader`."""
        self._finish(CancelledError())
        self._reader.close()

    def pauseProducing(self) -> None:
        """Write no more until resumed."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write on."""
        self._paused = False
        self._step()

    def stopProducing(self) -> None:
        """Write nothing more: `start` fails with `CancelledError`."""
        self._finish(CancelledError())

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take the reader below as a push producer."""
        assert IPushProducer.providedBy(producer)
        self._source = producer

    def unregisterProducer(self) -> None:
        """The reader below has come to its end."""
        self._source = None

    def write(self, data: bytes) -> None:
        """Take some bytes of the reader below."""
        self._waiting.append(data)
        self._step()

    def _step(self) -> None:
        """Hash what waits, if it is enough or the last; the source goes on when there is room again."""
        if self._consumer is None or self._at_work:
            return
        size = sum(map(len, self._waiting))
        if not self._paused and (size >= PIECE or (self._ended and size)):
            batch = b"".join(self._waiting)
            self._waiting.clear()
            self._at_work = True
            self._hold_up()
            self._workers.run(self._hasher.update, batch).addCallbacks(
                lambda _: self._hashed(batch), lambda failure: self._finish(failure.value)
            )
        elif self._ended and not size and not self._paused:
            self._conclude()
        elif size >= PIECE:
            self._hold_up()
        elif self._source is not None:
            self._source.resumeProducing()

    def _hold_up(self) -> None:
        if self._source is not None:
            self._source.pauseProducing()

    def _hashed(self, batch: bytes) -> None:
        self._at_work = False
        if self._consumer is not None:
            # What was held back is not the last piece: this one comes after it.
            held, self._held = self._held, batch
            if held:
                self._consumer.write(held)
            self._step()

    def _conclude(self) -> None:
        if self._hasher.hexdigest() != self._digest.hex:
            tell_damage(self._digest)
            self._finish(ContentDamaged(self._digest))
            return
        if self._held and self._consumer is not None:
            held, self._held = self._held, b""
            self._consumer.write(held)
        self._finish(None)

    def _source_ended(self, _result: None) -> None:
        self._ended = True
        self._step()

    def _source_failed(self, failure: Failure) -> None:
        self._finish(failure.value)

    def _finish(self, error: BaseException | None) -> None:
        consumer, self._consumer = self._consumer, None
        self._held = b""
        self._waiting.clear()
        if consumer is None or self._done is None:
            return
        if self._source is not None:
            self._source.stopProducing()
        consumer.unregisterProducer()
        if error is None:
            self._done.callback(None)
        else:
            self._done.errback(error)
