"""The open file of an upload: batches of bytes are hashed and appended to it on workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred

from txregistry.concurrency.lane import Lane
from txregistry.concurrency.workers import IWorkers
from txregistry.storage.filesystem.commit import Change, Received
from txregistry.storage.filesystem.durable import DurableTree, SyncFailed
from txregistry.storage.interfaces import Hasher

R = TypeVar("R")

# Bytes after which what is written so far is synced on the side, so that the sync before publishing is short.
SYNC_EVERY = 33_554_432
# Bytes written but not synced at which appending waits for that sync: the disk is what limits.
MOST_UNSYNCED = 2 * SYNC_EVERY
# Up to so many bytes are hashed and written in line with those of other uploads, and up to so many synced: what takes
# longer would hold up the others.
IN_LINE = 65_536
SYNCED_IN_LINE = 1_048_576


@frozen
class Disk:
    """How the files of one driver are written.

    What takes a moment waits in the line `quick`, what waits for the disk and shares syncs in the line `commits`. Where
    the filesystem is not `local` a file is not even closed in the reactor's thread.
    """

    tree: DurableTree
    workers: IWorkers
    quick: Lane[Callable[[], Any], Any]
    commits: Lane[Change, None]
    local: bool


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
        disk: Disk,
        descriptor: int | None,
        size: int,
        hasher: Hasher | None,
    ) -> None:
        self.descriptor = descriptor
        self.size = size
        self.hasher = hasher
        self._path = path
        self._disk = disk
        self._tree = disk.tree
        self._workers = disk.workers
        # Of what was there before, nobody knows how much is on disk.
        self._synced = 0
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
                create = partial(_create, self._tree, self._path, pieces, hasher)
                self.descriptor = await self._run(create, size)
            else:
                # In one visit: to hash on one worker while another writes costs more than it gains, as the next pieces
                # are being received meanwhile.
                await self._run(partial(_append, self._tree, descriptor, pieces, self.size, hasher), size)
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
        if self.size - self._synced > SYNCED_IN_LINE:
            await self._sync(self.descriptor, self.size)
            if self._sync_failure is not None:
                raise self._sync_failure
        is_synced = 0 < self._synced == self.size
        received = Received(self.descriptor, self.size, is_synced, self._path, target, after.leftover)
        try:
            await self._disk.commits.run(Change(after.links, received))
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
            if self._disk.local:
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

    def _run(self, step: Callable[[], R], size: int) -> Deferred[R]:
        return self._disk.quick.run(step) if size <= IN_LINE else self._workers.run(step)

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
        for piece in pieces:
            hasher.update(piece)


def _remove(tree: DurableTree, descriptor: int, path: str) -> None:
    tree.calls.close(descriptor)
    with contextlib.suppress(FileNotFoundError):  # Its folder was deleted.
        tree.calls.unlink(path)
