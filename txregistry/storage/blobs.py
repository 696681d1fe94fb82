"""Content-addressed bytes, shared by all repositories."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from txregistry.oci.digest import Digest
from txregistry.storage import layout
from txregistry.storage.cache import VersionedCache
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import FileInfo, IReader, IStorageDriver, IWriter
from txregistry.storage.links import link_content
from txregistry.storage.trash import Trash

T = TypeVar("T")


class BlobStore:
    """Bytes by digest; who may see them is decided by the links of repositories.

    What waits in the trash comes back when it is asked for.
    """

    def __init__(self, driver: IStorageDriver, cache: VersionedCache, trash: Trash) -> None:
        self._driver = driver
        self._cache = cache
        self._trash = trash

    async def look(self, digest: Digest) -> FileInfo | None:
        """What is known of the content; None where there is none."""
        path = layout.blob_data(digest)
        try:
            return await self._driver.stat(path)
        except PathNotFound:
            return await self.look(digest) if await self._trash.restore(path) else None

    async def open(self, digest: Digest, first: int = 0, last: int | None = None) -> IReader | None:
        """A reader of the bytes from `first` to `last`, both included; None where there is no such content."""
        path = layout.blob_data(digest)
        try:
            return await self._driver.open_reader(path, first, last)
        except PathNotFound:
            return await self.open(digest, first, last) if await self._trash.restore(path) else None

    async def read(self, digest: Digest, parse: Callable[[bytes], T]) -> T | None:
        """What `parse` makes of small content; None where there is none."""
        path = layout.blob_data(digest)
        try:
            return await self._cache.read(path, parse)
        except PathNotFound:
            return await self.read(digest, parse) if await self._trash.restore(path) else None

    async def content(self, digest: Digest) -> bytes | None:
        """Small content as it is, past the cache; None where there is none."""
        path = layout.blob_data(digest)
        try:
            return (await self._driver.read(path)).data
        except PathNotFound:
            return await self.content(digest) if await self._trash.restore(path) else None

    async def put(self, digest: Digest, content: bytes) -> None:
        """Store small content durably; the caller has checked that the digest is its."""
        await self._driver.write(layout.blob_data(digest), content)

    async def publish(self, digest: Digest, writer: IWriter, link: str, leftover: str) -> None:
        """Store what was written and then a link to it, durably, and remove the folder that was left by the upload.

        The caller has checked that the digest is that of what was written. Content that is there already is replaced,
        so that a push mends what has been damaged.
        """
        await writer.publish(layout.blob_data(digest), [(link, link_content(digest))], leftover)
