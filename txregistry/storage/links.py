"""Small files that name a digest."""

from __future__ import annotations

from txregistry.oci.digest import Digest
from txregistry.oci.errors import DigestInvalid
from txregistry.storage.cache import VersionedCache
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IStorageDriver


class LinkStore:
    """Reads and writes `link` files.

    An empty or unreadable link counts as absent: registry:2 writes links in place, so a crash leaves empty ones behind.
    """

    def __init__(self, driver: IStorageDriver, cache: VersionedCache) -> None:
        self._driver = driver
        self._cache = cache

    async def target(self, path: str) -> Digest | None:
        """The digest that the link names, None where there is no link."""
        try:
            return await self._cache.read(path, _parse)
        except PathNotFound:
            return None

    async def write(self, path: str, digest: Digest) -> None:
        """Point the link at a digest, durably."""
        await self._driver.write(path, str(digest).encode("ascii"))


def _parse(content: bytes) -> Digest | None:
    try:
        return Digest.parse(content.decode("ascii").strip())
    except (UnicodeDecodeError, DigestInvalid):
        return None
