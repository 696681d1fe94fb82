"""Which manifests a repository has, by digest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestUnknown
from txregistry.oci.names import RepositoryName
from txregistry.registry.leases import Leases
from txregistry.registry.locks import FolderLocks
from txregistry.registry.media import StoredManifest, stored_manifest
from txregistry.registry.verified import ContentDamaged, tell_damage
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.stores import Stores


class Revisions:
    """A manifest belongs to a repository by its revision link; its bytes stand among the blobs.

    Whoever is told that a manifest is there gets a lease on its link. Its bytes need none: the link keeps them. With
    `verify` bytes that come from the store, not from the cache, are checked.
    """

    def __init__(self, stores: Stores, leases: Leases, locks: FolderLocks, verify: bool = False) -> None:
        self._stores = stores
        self._leases = leases
        self._locks = locks
        self._verify = verify

    async def claim(self, name: RepositoryName, digest: Digest) -> bool:
        """Whether the repository has the manifest and its bytes are there; with a lease."""
        target = await self._target(name, digest)
        return target is not None and await self._stores.blobs.look(target) is not None

    async def claim_each(self, name: RepositoryName, digests: Sequence[Digest]) -> list[bool]:
        """`claim` of each, for some hundred at most."""
        look = self._stores.driver.stat_each
        links = await look(layout.all_revisions(name), layout.revision_links(digests))
        contents = await look(layout.BLOBS, layout.blobs_data(digests))
        # What is in order is seen from outside; all else, an empty link too, is for `claim` to tell.
        return [
            (link is not None and link.size > 0 and content is not None and not self._leases.is_due(link))
            or await self.claim(name, digest)
            for digest, link, content in zip(digests, links, contents, strict=True)
        ]

    async def get(self, name: RepositoryName, digest: Digest) -> StoredManifest:
        """The bytes as they were pushed; raise `ManifestUnknown`."""
        target = await self._target(name, digest)
        found = None if target is None else await self._read(target)
        if found is None:
            raise ManifestUnknown(name, digest)
        return found

    async def put(self, name: RepositoryName, digest: Digest, content: bytes) -> None:
        """Store a manifest durably; the caller has checked it."""
        await self._stores.blobs.put(digest, content)
        await self._stores.links.write(layout.revision_link(name, digest), digest)

    async def delete(self, name: RepositoryName, digest: Digest) -> None:
        """Take the manifest from the repository, durably; raise `ManifestUnknown`."""
        try:
            await self._stores.links.delete(layout.revision(name, digest), layout.revision_link(name, digest))
        except PathNotFound:
            raise ManifestUnknown(name, digest) from None

    def alone(self, name: RepositoryName, digest: Digest) -> AbstractAsyncContextManager[None]:
        """The body runs while nobody else deletes the manifest or lets a tag name it."""
        return self._locks.hold(layout.revision(name, digest))

    @asynccontextmanager
    async def kept(self, name: RepositoryName, digest: Digest, content: bytes) -> AsyncIterator[None]:
        """The body runs while the repository has the manifest and nobody deletes it; where it is gone it is stored."""
        while True:
            async with self.alone(name, digest):
                if await self.claim(name, digest):
                    yield
                    return
            # Somebody has deleted it since it was pushed: then this push is the later one.
            await self.put(name, digest, content)

    async def _read(self, target: Digest) -> StoredManifest | None:
        if not self._verify:
            return await self._stores.blobs.read(target, stored_manifest)
        try:
            return await self._stores.blobs.read(target, partial(_verified_manifest, target))
        except ContentDamaged:
            tell_damage(target)
            return None

    async def _target(self, name: RepositoryName, digest: Digest) -> Digest | None:
        return await self._leases.claim(self._stores.links, layout.revision_link(name, digest))


def _verified_manifest(digest: Digest, content: bytes) -> StoredManifest:
    if Digest.of(content, digest.algorithm) != digest:
        raise ContentDamaged(digest)
    return stored_manifest(content)
