"""One collection: mark what manifests keep, take away the rest in two steps, and leave a report."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.concurrency.turns import Turns
from txregistry.concurrency.workers import IWorkers
from txregistry.oci.errors import NameInvalid
from txregistry.oci.names import RepositoryName
from txregistry.registry.catalog import Catalog
from txregistry.registry.collection.blobs import BlobCollection
from txregistry.registry.collection.emptied import EmptyRepositories
from txregistry.registry.collection.limits import Limits
from txregistry.registry.collection.marks import Marks
from txregistry.registry.collection.pace import Pace
from txregistry.registry.collection.removal import Removal
from txregistry.registry.collection.report import Report
from txregistry.registry.collection.repository import RepositoryCollection
from txregistry.registry.tags import Tags
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import ILock
from txregistry.storage.stores import Stores

_log = Logger()

# Makes the folder that is locked; its time tells when that was last tried.
_LOCK = f"{layout.COLLECTION}/lock"


async def _nothing() -> None:
    """Nobody wants to know."""


@define(eq=False)
class Collector:
    """Any number of processes may have one; one at a time collects."""

    _stores: Stores
    _workers: IWorkers
    _tags: Tags
    _catalog: Catalog
    _turns: Turns
    _clock: IReactorTime
    _now: Callable[[], float] = time.time
    # Called when everything is marked and no shared content has been looked at yet.
    marked: Callable[[], Awaitable[None]] = field(default=_nothing)

    async def run(
        self,
        limits: Limits,
        progress: Callable[[Report], None] = lambda report: None,
        watch: Callable[[], Awaitable[None]] = _nothing,
    ) -> Report:
        """Collect once. `progress` is called after each repository and each part of the content in common.

        `watch` is called about ten times a second, before more is removed, and ends the run by raising. Raise `Locked`
        when somebody else collects, `ManifestUnreadable` where it cannot be told what is in use.
        """
        lock = await self._lock()
        try:
            return await self._run(limits, progress, watch)
        finally:
            lock.release()

    async def last_begun(self) -> float | None:
        """When anybody last began, in seconds since the epoch by the store's clock; None if nobody ever has."""
        try:
            return (await self._stores.driver.stat(_LOCK)).modified
        except PathNotFound:
            return None

    async def _run(
        self, limits: Limits, progress: Callable[[Report], None], watch: Callable[[], Awaitable[None]]
    ) -> Report:
        driver, report = self._stores.driver, Report(limits.dry_run, at_once=limits.trash == 0)
        marks, pace = Marks(driver, "store"), Pace(self._clock, self._turns, limits.rate, watch, limits.hurried)
        removal = Removal(driver, self._stores.trash, limits, self._now(), report)
        repositories = RepositoryCollection(self._stores, self._workers, self._tags, marks, removal, pace, report)
        emptied = EmptyRepositories(driver)
        await marks.clear()
        try:
            async for name in self._names(layout.trashed(layout.REPOSITORIES)):
                # Only those that are gone: what waits of the others is decided on with them.
                if not await self._catalog.has(str(name)):
                    await repositories.run(name, limits.delete_untagged)
            async for name in self._names(layout.REPOSITORIES):
                report.repositories += 1
                await repositories.run(name, limits.delete_untagged)
                if not limits.dry_run and await emptied.remove(name):
                    report.emptied += 1
                progress(report)
            await self.marked()
            await BlobCollection(driver, marks, removal, pace, report).run(progress)
        finally:
            await marks.clear()
        return report

    async def _names(self, root: str) -> AsyncIterator[RepositoryName]:
        async for text in self._catalog.names(root):
            try:
                yield RepositoryName.parse(text)
            except NameInvalid:
                _log.warn("folder passed over: not the name of a repository", name=text)

    async def _lock(self) -> ILock:
        await self._stores.driver.write(_LOCK, b"", durable=False)
        return await self._stores.driver.lock(layout.COLLECTION)
