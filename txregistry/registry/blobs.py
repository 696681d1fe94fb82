"""Which blobs a repository has."""

from __future__ import annotations

from txregistry.oci.digest import Digest
from txregistry.oci.errors import BlobUnknown
from txregistry.oci.names import RepositoryName
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IReader
from txregistry.storage.stores import Stores


class RepositoryBlobs:
    """A blob belongs to a repository by its link there; its bytes are shared with every other repository."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def size(self, name: RepositoryName, digest: Digest) -> int:
        """In bytes; raise `BlobUnknown`."""
        size = await self._stores.blobs.size(await self._target(name, digest))
        if size is None:
            raise BlobUnknown(digest)
        return size

    async def has(self, name: RepositoryName, digest: Digest) -> bool:
        """Whether the repository has the blob and its bytes are there."""
        target = await self._stores.links.target(layout.layer_link(name, digest))
        return target is not None and await self._stores.blobs.size(target) is not None

    async def open(self, name: RepositoryName, digest: Digest, first: int = 0, last: int | None = None) -> IReader:
        """A reader of the bytes from `first` to `last`, both included; raise `BlobUnknown`."""
        reader = await self._stores.blobs.open(await self._target(name, digest), first, last)
        if reader is None:
            raise BlobUnknown(digest)
        return reader

    async def link(self, name: RepositoryName, digest: Digest) -> None:
        """Give the repository a blob whose bytes are stored; durable."""
        await self._stores.links.write(layout.layer_link(name, digest), digest)

    async def mount(self, name: RepositoryName, digest: Digest, source: RepositoryName | None) -> bool:
        """Give the repository a blob of another one; tell whether it was there.

        Without a source any stored content will do (distribution-spec, "Mounting a blob from another repository").
        """
        if source is None:
            target = digest
        else:
            linked = await self._stores.links.target(layout.layer_link(source, digest))
            if linked is None:
                return False
            target = linked
        if await self._stores.blobs.size(target) is None:
            return False
        await self._stores.links.write(layout.layer_link(name, digest), target)
        return True

    async def delete(self, name: RepositoryName, digest: Digest) -> None:
        """Take the blob from the repository, durably; its bytes stay for others. Raise `BlobUnknown`."""
        await self._target(name, digest)
        try:
            await self._stores.driver.delete(layout.layer(name, digest))
        except PathNotFound:
            raise BlobUnknown(digest) from None

    async def _target(self, name: RepositoryName, digest: Digest) -> Digest:
        # Distribution keeps what was pushed by sha512 under sha256, and a link by the former that names the latter.
        target = await self._stores.links.target(layout.layer_link(name, digest))
        if target is None:
            raise BlobUnknown(digest)
        return target
