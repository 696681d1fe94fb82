"""Collect the content that all repositories share, once every one of them has been marked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid
from txregistry.registry.collection.marks import Marks
from txregistry.registry.collection.pace import Pace
from txregistry.registry.collection.removal import Removal
from txregistry.registry.collection.report import Report
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IStorageDriver


class BlobCollection:
    """For one run."""

    def __init__(self, driver: IStorageDriver, marks: Marks, removal: Removal, pace: Pace, report: Report) -> None:
        self._driver = driver
        self._marks = marks
        self._removal = removal
        self._pace = pace
        self._report = report

    async def run(self) -> None:
        """Move to the trash what is not marked, and decide on what is there."""
        async for digest, marked in self._found(layout.BLOBS):
            self._report.blobs += 1
            if not marked:
                await self._removal.throw(layout.blob_data(digest))
        async for digest, marked in self._found(layout.trashed(layout.BLOBS)):
            await self._removal.settle(layout.blob_data(digest), marked)

    async def _found(self, folder: str) -> AsyncIterator[tuple[Digest, bool]]:
        for algorithm in HEX_LENGTHS:
            for prefix in await self._names(f"{folder}/{algorithm}"):
                bucket = await self._marks.bucket(algorithm, prefix)
                for encoded in await self._names(f"{folder}/{algorithm}/{prefix}"):
                    await self._pace.step()
                    try:
                        digest = Digest.parse(f"{algorithm}:{encoded}")
                    except DigestInvalid:
                        continue
                    yield digest, bytes.fromhex(encoded) in bucket

    async def _names(self, folder: str) -> Sequence[str]:
        try:
            return await self._driver.list(folder)
        except PathNotFound:
            return ()
