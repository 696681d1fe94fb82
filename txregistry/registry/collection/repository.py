"""Collect one repository: mark what its manifests keep, and take away the links that nothing keeps."""

from __future__ import annotations

from collections.abc import Sequence

from txregistry.concurrency.several import Several
from txregistry.concurrency.workers import IWorkers
from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid, ManifestUnknown, TagInvalid
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.collection.limits import AT_A_TIME
from txregistry.registry.collection.live import live_manifests
from txregistry.registry.collection.marks import Marks
from txregistry.registry.collection.pace import Pace
from txregistry.registry.collection.references import StoredReferences, Unreadable, stored_references
from txregistry.registry.collection.removal import Removal
from txregistry.registry.collection.report import Report
from txregistry.registry.tags import Tags
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.stores import Stores

# A manifest above this many bytes is parsed on a worker.
_LARGE = 64 * 1024
_NOTHING = StoredReferences((), (), None)


class ManifestUnreadable(Exception):
    """A manifest is there and cannot be read, so nobody knows what it keeps: nothing may be removed."""

    def __init__(self, name: RepositoryName, digest: Digest) -> None:
        super().__init__(name, digest)
        self.name = name
        self.digest = digest


class RepositoryCollection:
    """For one run; `marks` collects what all repositories keep."""

    def __init__(
        self, stores: Stores, workers: IWorkers, tags: Tags, marks: Marks, removal: Removal, pace: Pace, report: Report
    ) -> None:
        self._stores = stores
        self._workers = workers
        self._tags = tags
        self._marks = marks
        self._removal = removal
        self._pace = pace
        self._report = report

    async def run(self, name: RepositoryName, delete_untagged: bool) -> None:
        """Mark, then remove links. Raise `ManifestUnreadable`."""
        own = Marks(self._stores.driver, "repository")
        await own.clear()
        kept: set[Digest] = set()
        try:
            if delete_untagged:
                await self._mark_live(name, own, kept)
            else:
                await self._mark_others(name, own, kept)
            await self._sweep_links(name, own)
            # Somebody may have asked for a manifest that waited in the trash since we looked: it is back, and needs
            # what is named in it. Once the manifests in the trash are settled none of them can come back unseen.
            await self._mark_restored(name, own, kept)
            await self._settle_revisions(name, own)
            await self._mark_restored(name, own, kept)
            await self._settle_links(name, own)
        finally:
            await own.clear()

    async def _mark_live(self, name: RepositoryName, own: Marks, kept: set[Digest]) -> None:
        stored = {digest: await self._references(name, digest) or _NOTHING for digest in await self._revisions(name)}
        # Tags are read after manifests: a manifest that is tagged meanwhile counts as tagged.
        tagged = await self._tagged(name)
        while True:
            live = live_manifests(tagged, stored)
            # What waits in the trash and is named comes back by being asked for, and may name more.
            named = tagged.union(*(stored[digest].children for digest in live)) - stored.keys()
            if not named:
                break
            for digest in named:
                stored[digest] = await self._references(name, digest) or _NOTHING
        async with Several(AT_A_TIME) as several:
            for digest, references in stored.items():
                if digest in live:
                    await self._keep(digest, references, own, kept)
                else:
                    await several.begin(self._sweep_untagged(name, digest, references, own, kept))

    async def _sweep_untagged(
        self, name: RepositoryName, digest: Digest, references: StoredReferences, own: Marks, kept: set[Digest]
    ) -> None:
        if await self._removal.throw(layout.revision_link(name, digest)) is not None:
            self._report.untagged += 1
        elif await self._is_there(layout.revision_link(name, digest)):
            await self._keep(digest, references, own, kept)

    async def _mark_others(self, name: RepositoryName, own: Marks, kept: set[Digest]) -> None:
        """Mark what every manifest keeps that is there and not among the `kept`."""
        for digest in await self._revisions(name):
            if digest not in kept:
                references = await self._references(name, digest)
                if references is not None:
                    await self._keep(digest, references, own, kept)

    async def _mark_restored(self, name: RepositoryName, own: Marks, kept: set[Digest]) -> None:
        if not self._report.dry_run:  # Then nothing has been moved, and what would have been is still there.
            await self._mark_others(name, own, kept)

    async def _keep(self, digest: Digest, references: StoredReferences, own: Marks, kept: set[Digest]) -> None:
        self._report.manifests += 1
        kept.add(digest)
        for named in (digest, *references.digests):
            await self._marks.add(named)
            await own.add(named)

    async def _sweep_links(self, name: RepositoryName, own: Marks) -> None:
        for algorithm in HEX_LENGTHS:
            bucket: set[bytes] = set()
            prefix = ""
            async with Several(AT_A_TIME) as several:
                for digest in await self._digests(layout.layers(name, algorithm), algorithm):
                    await self._pace.step()
                    if digest.hex[:2] != prefix:
                        prefix = digest.hex[:2]
                        bucket = await own.bucket(algorithm, prefix)
                    path = layout.layer_link(name, digest)
                    await several.begin(self._sweep_link(path, bytes.fromhex(digest.hex) in bucket))

    async def _sweep_link(self, path: str, is_marked: bool) -> None:
        if not is_marked and await self._removal.throw(path) is not None:
            self._report.links += 1
        else:
            # What has a link keeps its content, and that may stand under another digest than the link's own.
            await self._mark_target(path)

    async def _settle_revisions(self, name: RepositoryName, own: Marks) -> None:
        for algorithm in HEX_LENGTHS:
            async with Several(AT_A_TIME) as several:
                for digest in await self._digests(layout.trashed(layout.revisions(name, algorithm)), algorithm):
                    await self._pace.step()
                    # Marked are children of an index that somebody relies on although no tag names it.
                    marked = await self._is_marked(digest, own)
                    await several.begin(self._removal.settle(layout.revision_link(name, digest), marked))

    async def _settle_links(self, name: RepositoryName, own: Marks) -> None:
        for algorithm in HEX_LENGTHS:
            async with Several(AT_A_TIME) as several:
                for digest in await self._digests(layout.trashed(layout.layers(name, algorithm)), algorithm):
                    await self._pace.step()
                    marked = await self._is_marked(digest, own)
                    await several.begin(self._settle_link(layout.layer_link(name, digest), marked))

    async def _settle_link(self, path: str, marked: bool) -> None:
        await self._removal.settle(path, marked)
        if marked:
            await self._mark_target(path)

    async def _is_marked(self, digest: Digest, own: Marks) -> bool:
        return bytes.fromhex(digest.hex) in await own.bucket(digest.algorithm, digest.hex[:2])

    async def _mark_target(self, link: str) -> None:
        target = await self._stores.links.target(link)
        if target is not None:
            await self._marks.add(target)

    async def _references(self, name: RepositoryName, digest: Digest) -> StoredReferences | None:
        """None where there is no manifest: Distribution deletes the link alone, and leaves its folder."""
        await self._pace.step()
        target = await self._stores.links.target(layout.revision_link(name, digest))
        if target is None:
            await self._removal.tidy(layout.revision_link(name, digest))
            return None
        content = await self._stores.blobs.content(target)
        if content is None:
            return _NOTHING  # A link to nothing keeps nothing.
        try:
            if len(content) > _LARGE:
                return await self._workers.run(stored_references, content)
            return stored_references(content)
        except Unreadable:
            raise ManifestUnreadable(name, digest) from None

    async def _revisions(self, name: RepositoryName) -> list[Digest]:
        found: list[Digest] = []
        for algorithm in HEX_LENGTHS:
            found += await self._digests(layout.revisions(name, algorithm), algorithm)
        return found

    async def _tagged(self, name: RepositoryName) -> set[Digest]:
        tagged: set[Digest] = set()
        for text in await self._names(layout.tags(name)):
            await self._pace.step()
            try:
                tagged.add(await self._tags.resolve(name, Tag.parse(text)))
            except (TagInvalid, ManifestUnknown):
                continue
        return tagged

    async def _digests(self, folder: str, algorithm: str) -> list[Digest]:
        found: list[Digest] = []
        for encoded in await self._names(folder):
            try:
                found.append(Digest.parse(f"{algorithm}:{encoded}"))
            except DigestInvalid:
                continue
        return found

    async def _names(self, folder: str) -> Sequence[str]:
        try:
            return await self._stores.driver.list(folder)
        except PathNotFound:
            return ()

    async def _is_there(self, path: str) -> bool:
        try:
            await self._stores.driver.stat(path)
        except PathNotFound:
            return False
        return True
