"""The open file of an upload: batches of bytes are hashed and appended to it on workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from attrs import frozen
from twisted.internet.defer import Deferred

from txregistry.concurrency.workers import IWorkers
from txregistry.storage.filesystem.durable import DurableTree, SyncFailed
from txregistry.storage.interfaces import Hasher

# Bytes after which what is written so far is synced on the side, so that the sync before publishing is short.
SYNC_EVERY = 33_554_432
# Bytes written but not synced at which appending waits for that sync: the disk is what limits.
MOST_UNSYNCED = 2 * SYNC_EVERY
# A batch up to this size is hashed and written in one visit to a worker, a larger one by two workers at once.
TOGETHER = 262_144


@frozen
class Afterwards:
    """What follows on a publication: small files to write, and a folder to remove (absolute paths)."""

    links: Sequence[tuple[str, bytes]]
    leftover: str | None


class UploadFile:
    """One call at a time, and the next only when the one before has returned; none is ever cancelled.

    `path` is absolute. `descriptor` is None until the first `append` has made the file. `size` bytes are in it, and
    `hasher`, unless None, stands behind them. The methods pass on what the operating system raises.
    """

    def __init__(
        self,
        path: str,
        tree: DurableTree,
        workers: IWorkers,
        local: bool,
        descriptor: int | None,
        size: int,
        hasher: Hasher | None,
    ) -> None:
        self.descriptor = descriptor
        self.size = size
        self.hasher = hasher
        self._path = path
        self._tree = tree
        self._workers = workers
        self._local = local
        self._synced = size
        self._syncing: Deferred[None] | None = None
        self._sync_failure: SyncFailed | None = None

    async def append(self, pieces: Sequence[bytes]) -> None:
        """Hash the pieces and write them."""
        if self._sync_failure is not None:
            raise self._sync_failure
        size = sum(map(len, pieces))
        hasher, descriptor = self.hasher, self.descriptor
        try:
            if descriptor is None:
                self.descriptor = await self._workers.run(_create, self._tree, self._path, pieces, hasher)
            elif hasher is None or size <= TOGETHER:
                await self._workers.run(_append, self._tree, descriptor, pieces, self.size, hasher)
            else:
                await _both(
                    self._workers.run(self._tree.write_at, descriptor, pieces, self.size),
                    self._workers.run(_hash, hasher, pieces),
                )
        except BaseException:
            self.hasher = None  # It may have taken bytes that are not in the file.
            raise
        self.size += size
        await self._sync_aside()

    async def publish(self, target: str, after: Afterwards) -> None:
        """Make it durable at `target` (absolute), see to the rest, and close it."""
        await self._sync_aside_done()
        if self._sync_failure is not None:
            raise self._sync_failure
        if self.descriptor is None:
            raise ValueError("nothing to publish")
        try:
            await self._workers.run(_publish, self._tree, self.descriptor, self.size, self._path, target, after)
        except SyncFailed as failure:
            self._sync_failure = failure
            raise
        self.descriptor = None

    async def close(self) -> None:
        """Close it and set `size` to what it really has; remove it where its bytes cannot be trusted."""
        await self._sync_aside_done()
        if self._sync_failure is not None:
            await self.remove()
        elif self.descriptor is not None:
            size = os.fstat(self.descriptor).st_size
            if size != self.size:
                self.size, self.hasher = size, None
            descriptor, self.descriptor = self.descriptor, None
            if self._local:
                os.close(descriptor)  # Some microseconds.
            else:
                await self._workers.run(os.close, descriptor)

    async def remove(self) -> None:
        """Close it and remove it."""
        await self._sync_aside_done()
        self.size, self.hasher = 0, None
        if self.descriptor is not None:
            descriptor, self.descriptor = self.descriptor, None
            await self._workers.run(_remove, self._tree, descriptor, self._path)

    async def _sync_aside(self) -> None:
        behind = self.size - self._synced >= SYNC_EVERY
        if behind and self.descriptor is not None and (self._syncing is None or self._syncing.called):
            self._syncing = Deferred.fromCoroutine(self._sync(self.descriptor, self.size))
        if self.size - self._synced >= MOST_UNSYNCED:
            await self._sync_aside_done()

    async def _sync_aside_done(self) -> None:
        if self._syncing is not None and not self._syncing.called:
            await self._syncing

    async def _sync(self, descriptor: int, size: int) -> None:
        try:
            await self._workers.run(self._tree.sync, descriptor)
            self._synced = size
        except SyncFailed as failure:
            self._sync_failure = failure  # The next call tells.


async def _both(first: Deferred[None], second: Deferred[None]) -> None:
    # Both must have ended before anything else happens to the file, whichever fails.
    failure: Exception | None = None
    for work in (first, second):
        try:
            await work
        except Exception as error:
            failure = failure or error
    if failure is not None:
        raise failure


def _create(tree: DurableTree, path: str, pieces: Sequence[bytes], hasher: Hasher | None) -> int:
    descriptor = tree.create(path)
    try:
        _append(tree, descriptor, pieces, 0, hasher)
    except BaseException:
        _remove(tree, descriptor, path)
        raise
    return descriptor


def _append(tree: DurableTree, descriptor: int, pieces: Sequence[bytes], offset: int, hasher: Hasher | None) -> None:
    tree.write_at(descriptor, pieces, offset)
    if hasher is not None:
        _hash(hasher, pieces)


def _hash(hasher: Hasher, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        hasher.update(piece)


def _publish(tree: DurableTree, descriptor: int, size: int, source: str, target: str, after: Afterwards) -> None:
    tree.publish(descriptor, size, source, target)
    for path, content in after.links:
        tree.write(path, content, durable=True)
    tree.calls.close(descriptor)
    if after.leftover is not None:
        with contextlib.suppress(OSError):  # Nothing depends on it, and what stays is purged.
            tree.delete(after.leftover, durable=False)


def _remove(tree: DurableTree, descriptor: int, path: str) -> None:
    tree.calls.close(descriptor)
    with contextlib.suppress(FileNotFoundError):  # Its folder was deleted.
        tree.calls.unlink(path)
