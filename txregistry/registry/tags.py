"""Names that move from manifest to manifest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from itertools import compress

from txregistry.concurrency.several import Several
from txregistry.concurrency.shield import shielded
from txregistry.concurrency.turns import Turns
from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestUnknown, RepositoryUnknown, TagExists, TagInvalid
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.locks import FolderLocks
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.stores import Stores

# Of how many repositories it is remembered which tags were seen.
_REMEMBERED = 256
# How many links are looked at in one go: a fraction of a millisecond.
_RUN = 128
# How many tags of a manifest are removed side by side: what waits for the disk together waits once.
_AT_A_TIME = 8


async def _always() -> bool:
    return True


class Tags:
    """A tag is a link; to set it is one rename, so a reader sees the old manifest or the new."""

    def __init__(self, stores: Stores, turns: Turns, locks: FolderLocks) -> None:
        self._stores = stores
        self._turns = turns
        self._locks = locks
        self._seen: dict[RepositoryName, tuple[Sequence[str], bytearray]] = {}

    async def resolve(self, name: RepositoryName, tag: Tag) -> Digest:
        """What the tag names now; raise `ManifestUnknown`."""
        target = await self._stores.links.target(layout.tag_current(name, tag))
        if target is None:
            raise ManifestUnknown(name, tag)
        return target

    async def point(
        self,
        name: RepositoryName,
        tag: Tag,
        digest: Digest,
        kept: AbstractAsyncContextManager[None],
        keep: bool = False,
    ) -> None:
        """Let the tag name a manifest; durable.

        While `kept` is entered the repository has it, and nobody deletes it. With `keep` the tag is only set where
        there is none: raise `TagExists`; of many at once exactly one sets it.
        """
        await self._stores.links.write(layout.tag_history(name, tag, digest), digest)
        await shielded(self._set(name, tag, digest, kept, keep))

    async def check_free(self, name: RepositoryName, tag: Tag) -> None:
        """Raise `TagExists` where the tag names something."""
        if await self._stores.links.target(layout.tag_current(name, tag)) is not None:
            raise TagExists(name, tag)

    async def delete(self, name: RepositoryName, tag: Tag) -> None:
        """Remove the tag and nothing else, durably; raise `ManifestUnknown`."""
        await self.resolve(name, tag)
        await shielded(self._delete(name, tag))

    async def delete_all_of(
        self, name: RepositoryName, digest: Digest, still: Callable[[], Awaitable[bool]] = _always
    ) -> None:
        """Remove every tag that names the manifest, durably; whoever can be cancelled shields it.

        `still` is asked at the last moment whether to go on with one. A tag that is moved meanwhile stays.
        """
        async with Several(_AT_A_TIME) as several:
            async for tag, target in self._all(name):
                if target == digest:
                    await several.begin(self._remove_from(name, tag, digest, still))

    async def has_any_of(self, name: RepositoryName, digest: Digest) -> bool:
        """Whether any tag names the manifest."""
        async for _, target in self._all(name):
            if target == digest:
                return True
        return False

    async def page(self, name: RepositoryName, last: str | None, limit: int | None) -> tuple[list[str], bool]:
        """Tags in ASCIIbetical order behind `last`, at most `limit`, and whether more follow.

        Raise `RepositoryUnknown`. (distribution-spec, "Listing Tags")
        """
        names = await self._names(name)
        seen = self._seen_in(name, names)
        at = 0 if last is None else bisect_right(names, last)
        found: list[str] = []
        loop = self._turns.loop()
        while at < len(names) and (limit is None or len(found) < limit):
            stop = len(names) if limit is None else min(len(names), at + limit - len(found))
            new = seen.find(0, at, stop)
            if new < 0:
                found += names[at:stop]
            else:
                await loop.take()
                stop = min(stop, new + _RUN)
                await self._look(name, names, seen, new, stop)
                found += compress(names[at:stop], seen[at:stop])
            at = stop
        return found, limit != 0 and at < len(names)

    async def _look(self, name: RepositoryName, names: Sequence[str], seen: bytearray, start: int, stop: int) -> None:
        """Mark those of this part of the names whose tag is set."""
        links = layout.tags_current(names[start:stop])
        infos = await self._stores.driver.stat_each(layout.tags(name), links)
        for position, info in enumerate(infos, start):
            if _parse(names[position]) is None:
                continue
            # An empty link is none: registry:2 leaves such behind when it is cut off. One that is not there may have to
            # come back from the trash.
            if (info is not None and info.size > 0) or await self._is_set(name, names[position]):
                seen[position] = 1

    def _seen_in(self, name: RepositoryName, names: Sequence[str]) -> bytearray:
        """A byte for each of the names: 1 where its tag has been seen to be set, since this listing was made.

        Such a tag need not be looked at again: it stays until the folder goes, and then the listing is another.
        """
        known = self._seen.get(name)
        if known is not None and known[0] is names:
            return known[1]
        seen = bytearray(len(names))
        if known is None and len(self._seen) >= _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[name] = (names, seen)
        return seen

    async def _is_set(self, name: RepositoryName, text: str) -> bool:
        tag = _parse(text)
        return tag is not None and await self._stores.links.target(layout.tag_current(name, tag)) is not None

    async def _set(
        self, name: RepositoryName, tag: Tag, digest: Digest, kept: AbstractAsyncContextManager[None], keep: bool
    ) -> None:
        async with kept, self._locks.hold(layout.tag(name, tag)):
            if keep:
                await self.check_free(name, tag)
            await self._stores.links.write(layout.tag_current(name, tag), digest)

    async def _delete(self, name: RepositoryName, tag: Tag) -> None:
        async with self._locks.hold(layout.tag(name, tag)):
            await self._remove(name, tag)

    async def _remove_from(
        self, name: RepositoryName, tag: Tag, digest: Digest, still: Callable[[], Awaitable[bool]]
    ) -> None:
        async with self._locks.hold(layout.tag(name, tag)):
            current = await self._stores.links.target(layout.tag_current(name, tag))
            if current == digest and await still():
                with suppress(ManifestUnknown):
                    await self._remove(name, tag)

    async def _remove(self, name: RepositoryName, tag: Tag) -> None:
        try:
            await self._stores.driver.delete(layout.tag(name, tag))
        except PathNotFound:
            raise ManifestUnknown(name, tag) from None

    async def _all(self, name: RepositoryName) -> AsyncIterator[tuple[Tag, Digest]]:
        loop = self._turns.loop()
        for text in await self._names(name):
            await loop.take()
            tag = _parse(text)
            if tag is None:
                continue
            target = await self._stores.links.target(layout.tag_current(name, tag))
            if target is not None:
                yield tag, target

    async def _names(self, name: RepositoryName) -> Sequence[str]:
        try:
            return await self._stores.cache.listing(layout.tags(name))
        except PathNotFound:
            pass
        try:
            await self._stores.driver.stat(layout.manifests(name))
        except PathNotFound:
            raise RepositoryUnknown(name) from None
        return []


def _parse(text: str) -> Tag | None:
    try:
        return Tag.parse(text)
    except TagInvalid:
        return None
