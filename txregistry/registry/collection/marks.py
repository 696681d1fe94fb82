"""The set of digests in use, of any number in bounded memory."""

from __future__ import annotations

from collections import defaultdict

from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IStorageDriver

# How many digests are held in memory, at about 100 bytes each, before they are written out.
HELD = 200_000

Bucket = tuple[str, str]


class Marks:
    """Sorted into buckets by algorithm and first two digits, as blobs are on disk.

    Digests are added first, then buckets are taken one after the other. Runs that do not fit in memory stand in a
    folder of the store; nothing of it is durable, because a collection that is cut short begins again.
    """

    def __init__(self, driver: IStorageDriver, name: str, held: int = HELD) -> None:
        self._driver = driver
        self._folder = f"{layout.MARKS}/{name}"
        self._held = held
        self._count = 0
        self._runs = 0
        self._buckets: defaultdict[Bucket, set[bytes]] = defaultdict(set)

    async def add(self, digest: Digest) -> None:
        """This one is in use."""
        bucket = self._buckets[digest.algorithm, digest.hex[:2]]
        before = len(bucket)
        bucket.add(bytes.fromhex(digest.hex))
        self._count += len(bucket) - before
        if self._count >= self._held:
            await self._write_out()

    async def bucket(self, algorithm: str, prefix: str) -> set[bytes]:
        """The digests, as bytes, whose hexadecimal form begins with these two digits."""
        found = set(self._buckets.get((algorithm, prefix), ()))
        folder = f"{self._folder}/{algorithm}-{prefix}"
        size = _size(algorithm)
        if self._runs:
            try:
                runs = await self._driver.list(folder)
            except PathNotFound:
                return found
            for run in runs:
                data = (await self._driver.read(f"{folder}/{run}")).data
                found.update(data[at : at + size] for at in range(0, len(data), size))
        return found

    async def clear(self) -> None:
        """Forget everything, in memory and in the store; also what an earlier run left under this name."""
        self._buckets.clear()
        self._count = self._runs = 0
        try:
            await self._driver.delete(self._folder, durable=False)
        except PathNotFound:
            return

    async def _write_out(self) -> None:
        self._runs += 1
        # Others go on adding meanwhile.
        buckets, self._buckets, self._count, run = self._buckets, defaultdict(set), 0, self._runs
        for (algorithm, prefix), digests in buckets.items():
            path = f"{self._folder}/{algorithm}-{prefix}/{run}"
            await self._driver.write(path, b"".join(sorted(digests)), durable=False)


def _size(algorithm: str) -> int:
    return HEX_LENGTHS[algorithm] // 2
