"""Hash whole files, as fast as the disk gives them or at a rate."""

from __future__ import annotations

import hashlib

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.concurrency.workers import IWorkers
from txregistry.registry.checking.throttle import Throttle
from txregistry.storage.interfaces import Hasher, IStorageDriver

# Bytes that are hashed on a worker at once: enough that the visit costs little, and small beside any rate.
_BATCH = 524_288


class Hashing:
    """Reads past all caches of ours. Without a limit the driver reads by itself; with one, in batches with pauses."""

    def __init__(self, driver: IStorageDriver, workers: IWorkers, throttle: Throttle) -> None:
        self._driver = driver
        self._workers = workers
        self._throttle = throttle

    async def hex(self, path: str, algorithm: str) -> str:
        """The hexadecimal hash of a file; raise `PathNotFound`, `StorageFailure`."""
        if not self._throttle.is_limited:
            return (await self._driver.hash(path, algorithm)).hexdigest()
        reader = await self._driver.open_reader(path)
        batches = _Batches(hashlib.new(algorithm), self._workers, self._throttle)
        try:
            await reader.start(batches)
            return await batches.finish()
        finally:
            reader.close()


@implementer(IConsumer)
class _Batches:
    """Lets its producer go on only after each batch has been hashed and its time has passed."""

    def __init__(self, hasher: Hasher, workers: IWorkers, throttle: Throttle) -> None:
        self._hasher = hasher
        self._workers = workers
        self._throttle = throttle
        self._producer: IPushProducer | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._failed: Failure | None = None

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take a push producer."""
        assert IPushProducer.providedBy(producer)
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """Take some bytes; pause the producer when there are enough of them."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= _BATCH and self._producer is not None:
            self._producer.pauseProducing()
            Deferred.fromCoroutine(self._digest_and_wait()).addErrback(self._fail)

    async def finish(self) -> str:
        """The hexadecimal hash of all that was written."""
        if self._failed is not None:
            self._failed.raiseException()
        await self._digest()
        return self._hasher.hexdigest()

    async def _digest_and_wait(self) -> None:
        await self._digest()
        if self._producer is not None:
            self._producer.resumeProducing()

    async def _digest(self) -> None:
        batch, self._pieces, size, self._size = self._pieces, [], self._size, 0
        await self._workers.run(_update, self._hasher, batch)
        await self._throttle.spent(size)

    def _fail(self, failure: Failure) -> None:
        self._failed = failure
        if self._producer is not None:
            self._producer.stopProducing()


def _update(hasher: Hasher, pieces: list[bytes]) -> None:
    for piece in pieces:
        hasher.update(piece)
