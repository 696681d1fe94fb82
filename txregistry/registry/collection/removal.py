"""Take one file away in two steps, and bring it back whenever somebody turns out to rely on it."""

from __future__ import annotations

from twisted.logger import Logger

from txregistry.registry.collection.limits import Limits
from txregistry.registry.collection.report import Report
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import FileInfo, IStorageDriver
from txregistry.storage.trash import Trash

_log = Logger()


class Removal:
    """For one run, which began at `started` (seconds since the epoch, by the clock of leases).

    A file goes to the trash when nothing marked it and its lease had ended before the run began: whoever relied on it
    later than that has renewed the lease. It leaves the trash for good when a whole run that began after it came there
    has not marked it either, and its second grace is over. A grace of 0 is over for whatever is there.
    """

    def __init__(self, driver: IStorageDriver, trash: Trash, limits: Limits, started: float, report: Report) -> None:
        self._driver = driver
        self._trash = trash
        self._limits = limits
        self._started = started
        self._report = report

    async def throw(self, path: str) -> FileInfo | None:
        """Move an unmarked file to the trash, with its folder if that is empty then; tell what went, if it did."""
        try:
            info = await self._driver.stat(path)
        except PathNotFound:
            await self.tidy(path)
            return None
        if self._limits.at_once:
            return info if await self._removed(path, info) else None
        grace = self._limits.grace
        if grace > 0 and info.modified >= self._started - grace:
            self._report.wait(info.size, info.modified + grace)
            return None
        if not self._limits.dry_run and not await self._thrown(path, info):
            return None
        self._report.trashed += 1
        self._report.trashed_bytes += info.size
        return info

    async def settle(self, path: str, marked: bool) -> bool:
        """Decide on what waits in the trash under this path: back, gone, or wait on. Tell whether it is gone."""
        try:
            info = await self._driver.stat(layout.trashed(path))
        except PathNotFound:
            return False
        if marked:
            if not self._limits.dry_run:
                await self._bring_back(path)
            return False
        trash = self._limits.trash
        if trash > 0 and (info.changed >= self._started or self._started - info.changed < trash):
            self._report.wait(info.size, info.changed + trash)
            return False
        if not self._limits.dry_run and not await self._trash.remove(path):
            return False
        self._report.removed += 1
        self._report.removed_bytes += info.size
        if not self._limits.dry_run:
            await self._trash.tidy(path)
        return True

    async def tidy(self, path: str) -> None:
        """Remove the folder of a file that is not there, if nothing else is in it."""
        if not self._limits.dry_run:
            await self._driver.remove_empty(path.rpartition("/")[0])

    async def _removed(self, path: str, info: FileInfo) -> bool:
        """Nobody serves the store, so nobody can turn out to rely on it: the trash would only cost time."""
        if not self._limits.dry_run:
            try:
                await self._driver.delete(path, durable=False)
            except PathNotFound:
                return False
            await self.tidy(path)
            self._report.removed += 1
            self._report.removed_bytes += info.size
        self._report.trashed += 1
        self._report.trashed_bytes += info.size
        return True

    async def _bring_back(self, path: str) -> None:
        try:
            await self._driver.stat(path)
        except PathNotFound:
            if await self._trash.restore(path):
                self._report.restored += 1
        else:
            # It has been pushed again, perhaps because what waits here is damaged. Only a collection brings anything
            # here, so nobody has just moved that very file.
            await self._trash.remove(path)
        await self._trash.tidy(path)

    async def _thrown(self, path: str, info: FileInfo) -> bool:
        try:
            moved = await self._trash.throw(path)
        except PathNotFound:
            return False
        if moved.modified > info.modified:
            # Somebody has renewed the lease between our look and our move.
            await self._trash.restore(path)
            self._report.restored += 1
            return False
        _log.debug("moved to trash", path=path, size=info.size)
        await self._driver.remove_empty(path.rpartition("/")[0])
        return True
