"""Put aside what is damaged; nothing that has content is ever removed."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.logger import Logger

from txregistry.oci.digest import HEX_LENGTHS
from txregistry.registry.checking.findings import Finding, Kind, Repair
from txregistry.storage import layout
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.interfaces import FileInfo, IStorageDriver

_log = Logger()

# Folders that stay although nothing is in them, as the other registry leaves them too.
_LASTING = frozenset({*HEX_LENGTHS, *layout.REPOSITORY_FOLDERS, *layout.MANIFEST_FOLDERS, "blobs", "repositories"})


class Repairs:
    """For one run, which began at `started` (seconds since the epoch) and names the folder of its quarantine."""

    def __init__(self, driver: IStorageDriver, started: float) -> None:
        self._driver = driver
        self._stamp = datetime.fromtimestamp(started, UTC).strftime("%Y%m%dT%H%M%SZ")

    async def apply(self, finding: Finding) -> bool:
        """Do what can be done; tell whether it was. What has changed since it was found is left alone."""
        try:
            return await self._apply(finding)
        except StorageFailure as failure:
            _log.error("repair failed", path=finding.path, reason=failure.reason)
            return False

    async def _apply(self, finding: Finding) -> bool:
        match finding.kind.repair:
            case Repair.QUARANTINE if finding.kind is Kind.ORPHANED_UPLOAD:
                return await self._put_upload_aside(finding)
            case Repair.QUARANTINE:
                return await self._put_aside(finding)
            case Repair.REMOVE_EMPTY:
                gone = await self._driver.remove_empty(finding.path)
                if gone:
                    await self._tidy(finding.path)
                return gone
            case Repair.REBUILD:
                assert finding.content is not None  # what a rebuild writes comes with its finding
                await self._driver.write(finding.path, finding.content)
                return True
            case Repair.NONE:
                return False

    async def _put_upload_aside(self, finding: Finding) -> bool:
        try:
            lock = await self._driver.lock(finding.path)
        except (Locked, PathNotFound):
            return False
        try:
            return await self._put_aside(finding)
        finally:
            lock.release()

    async def _put_aside(self, finding: Finding) -> bool:
        target = layout.quarantined(self._stamp, finding.path)
        try:
            if finding.witness is not None and not _is_same(finding, await self._driver.stat(finding.witness)):
                return False
            await self._driver.move(finding.path, target)
            if finding.witness is None and not _is_same(finding, await self._driver.stat(target)):
                # A push has replaced it between our look and our move.
                await self._put_back(finding.path, target)
                return False
        except PathNotFound:
            return False
        _log.warn("put in quarantine", path=finding.path, kind=finding.kind.label)
        await self._tidy(finding.path)
        for companion in finding.companions:
            try:
                await self._driver.move(companion, layout.quarantined(self._stamp, companion))
            except PathNotFound:
                continue
            await self._tidy(companion)
        return True

    async def _put_back(self, path: str, target: str) -> None:
        try:
            await self._driver.stat(path)
        except PathNotFound:
            await self._driver.move(target, path)

    async def _tidy(self, path: str) -> None:
        """Remove the folders above that are empty now, up to one that lasts."""
        above, _, _ = path.rpartition("/")
        while above.rpartition("/")[2] not in _LASTING and await self._driver.remove_empty(above):
            above, _, _ = above.rpartition("/")


def _is_same(finding: Finding, now: FileInfo) -> bool:
    before = finding.evidence
    if before is None:
        return True
    if before.version is not None and now.version is not None:
        return before.version == now.version
    return (before.size, before.modified) == (now.size, now.modified)
