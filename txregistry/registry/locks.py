"""One at a time changes a tag, or deletes a manifest or lets a tag name it, among all processes on a store.

A tag is set by one rename, which needs no lock. What needs one is to change something because of what was seen before:
to remove a tag only if it names a certain manifest, to set it only while the manifest is there, to delete a manifest
only when no tag names it. Who needs both locks the manifest first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime

from txregistry.concurrency.pausing import pause
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.interfaces import ILock, IStorageDriver

# How often another process is asked again, and for how long: whoever holds a folder longer does not move any more.
RETRY_SECONDS = 0.01
PATIENCE_SECONDS = 10.0


class FolderLocks:
    """Within a process whoever waits is served in order; between processes the folder itself is locked."""

    def __init__(self, driver: IStorageDriver, clock: IReactorTime) -> None:
        self._driver = driver
        self._clock = clock
        self._turns: dict[str, DeferredLock] = {}

    @asynccontextmanager
    async def hold(self, folder: str) -> AsyncIterator[None]:
        """The body runs while nobody else holds the folder. Whoever can be cancelled shields it: workers would go on.

        Where the store cannot lock, or has no such folder, this process alone is kept out.
        """
        turn = self._turns.setdefault(folder, DeferredLock())
        try:
            async with turn:
                lock = await self._lock(folder)
                try:
                    yield
                finally:
                    if lock is not None:
                        lock.release()
        finally:
            if not turn.locked and not turn.waiting:
                self._turns.pop(folder, None)

    async def _lock(self, folder: str) -> ILock | None:
        deadline = self._clock.seconds() + PATIENCE_SECONDS
        while True:
            try:
                return await self._driver.lock(folder)
            except Locked:
                if self._clock.seconds() >= deadline:
                    return None
            except (PathNotFound, StorageFailure):
                return None
            await pause(self._clock, RETRY_SECONDS)
