"""Collect the content that all repositories share, once every one of them has been marked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from txregistry.concurrency.several import Several
from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid
from txregistry.registry.collection.limits import AT_A_TIME
from txregistry.registry.collection.marks import Bucket, Marks
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

    async def run(self, progress: Callable[[Report], None]) -> None:
        """Move to the trash what is not marked, and decide on what is there."""
        buckets = await self._buckets(layout.BLOBS)
        async with Several(AT_A_TIME) as several:
            for position, bucket in enumerate(buckets, 1):
                async for digest, marked in self._found(layout.BLOBS, bucket):
                    self._report.blobs += 1
                    if not marked:
                        await several.begin(self._removal.throw(layout.blob_data(digest)))
                self._report.swept = position / len(buckets)
                progress(self._report)
        trash = layout.trashed(layout.BLOBS)
        async with Several(AT_A_TIME) as several:
            for bucket in await self._buckets(trash):
                async for digest, marked in self._found(trash, bucket):
                    await several.begin(self._removal.settle(layout.blob_data(digest), marked))

    async def _buckets(self, folder: str) -> list[Bucket]:
        return [
            (algorithm, prefix) for algorithm in HEX_LENGTHS for prefix in await self._names(f"{folder}/{algorithm}")
        ]

    async def _found(self, folder: str, bucket: Bucket) -> AsyncIterator[tuple[Digest, bool]]:
        algorithm, prefix = bucket
        marked = await self._marks.bucket(algorithm, prefix)
        for encoded in await self._names(f"{folder}/{algorithm}/{prefix}"):
            await self._pace.step()
            try:
                digest = Digest.parse(f"{algorithm}:{encoded}")
            except DigestInvalid:
                continue
            yield digest, bytes.fromhex(encoded) in marked

    async def _names(self, folder: str) -> Sequence[str]:
        try:
            return await self._driver.list(folder)
        except PathNotFound:
            return ()
