"""Small files that name a digest."""

from __future__ import annotations

from txregistry.oci.digest import Digest
from txregistry.oci.errors import DigestInvalid
from txregistry.storage.cache import VersionedCache
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import FileInfo, IStorageDriver
from txregistry.storage.trash import Trash


class LinkStore:
    """Reads and writes `link` files.

    An empty or unreadable link counts as absent: registry:2 writes links in place, so a crash leaves empty ones behind.
    One that waits in the trash comes back when it is asked for.
    """

    def __init__(self, driver: IStorageDriver, cache: VersionedCache, trash: Trash) -> None:
        self._driver = driver
        self._cache = cache
        self._trash = trash

    async def target(self, path: str) -> Digest | None:
        """The digest that the link names, None where there is no link."""
        found = await self.look(path)
        return None if found is None else found[0]

    async def look(self, path: str) -> tuple[Digest, FileInfo] | None:
        """The digest that the link names and what is known of the file, None where there is no link."""
        try:
            target, info = await self._cache.look(path, _parse)
        except PathNotFound:
            if not await self._trash.restore(path):
                return None
            return await self.look(path)
        return None if target is None else (target, info)

    async def write(self, path: str, digest: Digest) -> None:
        """Point the link at a digest, durably."""
        await self._driver.write(path, link_content(digest))

    async def delete(self, folder: str, path: str) -> None:
        """Remove the link with its folder, durably, so that it does not come back; raise `PathNotFound`."""
        await self._trash.remove(path)
        await self._driver.delete(folder)


def link_content(digest: Digest) -> bytes:
    """What stands in a link to this digest."""
    return str(digest).encode("ascii")


def _parse(content: bytes) -> Digest | None:
    try:
        return Digest.parse(content.decode("ascii").strip())
    except (UnicodeDecodeError, DigestInvalid):
        return None
