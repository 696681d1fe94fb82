"""Remove upload sessions that nobody has finished."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from attrs import asdict, define
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.concurrency.repeating import Repeating
from txregistry.concurrency.turns import Turns
from txregistry.config.model import UploadPurging
from txregistry.oci.errors import NameInvalid
from txregistry.oci.names import RepositoryName, UploadId
from txregistry.registry.catalog import Catalog
from txregistry.storage import layout
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.interfaces import IStorageDriver

_log = Logger()

# The first run comes at random within so many seconds, so that processes which start together do not run together.
_FIRST_WITHIN = 3600.0


@define
class Purged:
    """What one run did: of so many sessions, how many were old, and of these, how many somebody writes to."""

    sessions: int = 0
    old: int = 0
    busy: int = 0


class Purging:
    """`now` tells seconds since the epoch."""

    def __init__(
        self, driver: IStorageDriver, catalog: Catalog, turns: Turns, now: Callable[[], float] = time.time
    ) -> None:
        self._driver = driver
        self._catalog = catalog
        self._turns = turns
        self._now = now

    async def run(self, age: float, dry_run: bool = False) -> Purged:
        """Remove the sessions that began more than `age` seconds ago, but not those that somebody writes to."""
        purged, loop = Purged(), self._turns.loop()
        async for text in self._catalog.uploading():
            try:
                name = RepositoryName.parse(text)
            except NameInvalid:
                continue
            for upload in await self.sessions(name):
                await loop.take()
                await self._consider(name, upload, self._now() - age, dry_run, purged)
            if not dry_run:
                await self._tidy(name)
        return purged

    async def sessions(self, name: RepositoryName) -> Sequence[UploadId]:
        """The sessions of one repository."""
        try:
            found = map(UploadId.parse, await self._driver.list(layout.uploads(name)))
        except PathNotFound:
            return ()
        return [upload for upload in found if upload is not None]

    async def end(self, name: RepositoryName, upload: UploadId) -> bool:
        """Remove a session with its bytes; tell whether it is gone. One that somebody writes to stays."""
        folder = layout.upload(name, upload)
        try:
            lock = await self._driver.lock(folder)
        except Locked:
            return False
        except PathNotFound:
            return True
        try:
            await self._driver.delete(folder, durable=False)
        except PathNotFound:
            return True
        finally:
            lock.release()
        return True

    async def _consider(
        self, name: RepositoryName, upload: UploadId, before: float, dry_run: bool, purged: Purged
    ) -> None:
        purged.sessions += 1
        try:
            began = await self._began(name, upload)
            if began is None or began >= before:
                return
            purged.old += 1
            if dry_run:
                _log.info("upload would be purged", repository=str(name), upload=str(upload))
            elif await self.end(name, upload):
                _log.info("upload purged", repository=str(name), upload=str(upload))
            else:
                purged.busy += 1
        except StorageFailure as failure:
            # One that cannot be removed is no reason to keep the others.
            _log.warn("upload not purged", path=failure.path, reason=failure.reason)

    async def _began(self, name: RepositoryName, upload: UploadId) -> float | None:
        """In seconds since the epoch; None where the session has ended meanwhile."""
        try:
            content = await self._driver.read(layout.upload_started(name, upload))
            return _moment(content.data)
        except (PathNotFound, ValueError):
            pass
        try:
            # Nobody has written when, or a crash left an empty file: then it counts from the last change of the folder.
            return (await self._driver.stat(layout.upload(name, upload))).modified
        except PathNotFound:
            return None

    async def _tidy(self, name: RepositoryName) -> None:
        folder = layout.uploads(name)
        while folder != layout.REPOSITORIES and await self._driver.remove_empty(folder):
            folder = folder.rpartition("/")[0]


def purging_regularly(purging: Purging, options: UploadPurging, clock: IReactorTime) -> Repeating:
    """A run each `interval`, whose outcome is logged."""

    async def run() -> None:
        try:
            purged = await purging.run(options.age, options.dryrun)
        except StorageFailure as failure:
            _log.error("uploads not purged: the storage failed", path=failure.path, reason=failure.reason)
        else:
            _log.info("uploads purged", dry_run=options.dryrun, **asdict(purged))

    return Repeating(clock, run, random.uniform(0, min(_FIRST_WITHIN, options.interval)), options.interval)


def _moment(content: bytes) -> float:
    """Raise `ValueError` unless it is RFC 3339."""
    moment = datetime.fromisoformat(content.decode("ascii").strip())
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
