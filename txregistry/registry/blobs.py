"""Which blobs a repository has."""

from __future__ import annotations

from txregistry.oci.digest import Digest
from txregistry.oci.errors import BlobUnknown
from txregistry.oci.names import RepositoryName
from txregistry.registry.leases import Leases
from txregistry.registry.verified import VerifiedBlobs
from txregistry.storage import layout
from txregistry.storage.blobs import BlobStore
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IReader, IWriter
from txregistry.storage.stores import Stores


class RepositoryBlobs:
    """A blob belongs to a repository by its link there; its bytes are shared with every other repository.

    Whoever is told that a blob is there gets a lease on it. With `verified` what is opened is checked while it is read.
    """

    def __init__(self, stores: Stores, leases: Leases, verified: VerifiedBlobs | None = None) -> None:
        self._stores = stores
        self._leases = leases
        self._content: BlobStore | VerifiedBlobs = stores.blobs if verified is None else verified

    async def size(self, name: RepositoryName, digest: Digest) -> int:
        """In bytes; raise `BlobUnknown`."""
        claimed = await self.claim(name, digest)
        if claimed is None:
            raise BlobUnknown(digest)
        return claimed[1]

    async def claim(self, name: RepositoryName, digest: Digest) -> tuple[Digest, int] | None:
        """What the content is stored under and its size in bytes, with a lease on link and content.

        None where the repository does not have the blob. Distribution keeps what was pushed by sha512 under sha256, and
        a link by the former that names the latter.
        """
        target = await self._leases.claim(self._stores.links, layout.layer_link(name, digest))
        size = None if target is None else await self._claim_content(target)
        return None if target is None or size is None else (target, size)

    async def open(self, name: RepositoryName, digest: Digest, first: int = 0, last: int | None = None) -> IReader:
        """A reader of the bytes from `first` to `last`, both included; raise `BlobUnknown`."""
        claimed = await self.claim(name, digest)
        if claimed is not None:
            reader = await self._content.open(claimed[0], first, last)
            if reader is not None:
                return reader
        raise BlobUnknown(digest)

    async def publish(self, name: RepositoryName, digest: Digest, writer: IWriter, leftover: str) -> None:
        """Give the repository a blob that was written and has this digest; durable.

        The folder `leftover`, which the upload used, is removed.
        """
        claimed = self._leases.now()
        await self._stores.blobs.publish(digest, writer, layout.layer_link(name, digest), leftover)
        await self._confirm(digest, digest, claimed)

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
        if await self._claim_content(target) is None:
            return False
        claimed = self._leases.now()
        await self._stores.links.write(layout.layer_link(name, digest), target)
        await self._confirm(digest, target, claimed)
        return True

    async def delete(self, name: RepositoryName, digest: Digest) -> None:
        """Take the blob from the repository, durably; its bytes stay for others. Raise `BlobUnknown`."""
        link = layout.layer_link(name, digest)
        if await self._stores.links.target(link) is None:
            raise BlobUnknown(digest)
        try:
            await self._stores.links.delete(layout.layer(name, digest), link)
        except PathNotFound:
            raise BlobUnknown(digest) from None

    async def _confirm(self, digest: Digest, target: Digest, claimed: float) -> None:
        """Where the disk took so long that the lease on the content may have run out, see that it is still there."""
        if not self._leases.lasts_since(claimed) and await self._claim_content(target) is None:
            raise BlobUnknown(digest)

    async def _claim_content(self, digest: Digest) -> int | None:
        info = await self._stores.blobs.look(digest)
        if info is None:
            return None
        if self._leases.is_due(info) and not await self._leases.renew(layout.blob_data(digest)):
            return None
        return info.size
