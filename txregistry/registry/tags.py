"""Names that move from manifest to manifest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

from txregistry.concurrency.turns import Turns
from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestUnknown, RepositoryUnknown, TagExists, TagInvalid
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.taglocks import TagLocks
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.stores import Stores

# Of how many repositories it is remembered which tags were seen.
_REMEMBERED = 256


async def _always() -> bool:
    return True


class Tags:
    """A tag is a link; to set it is one rename, so a reader sees the old manifest or the new."""

    def __init__(self, stores: Stores, turns: Turns, locks: TagLocks) -> None:
        self._stores = stores
        self._turns = turns
        self._locks = locks
        self._seen: dict[RepositoryName, tuple[Sequence[str], set[str]]] = {}

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
        ensure: Callable[[], Awaitable[object]] = _always,
        keep: bool = False,
    ) -> None:
        """Let the tag name a manifest; durable.

        `ensure` sees that the repository has it, and is called while nobody can remove the tag. With `keep` the tag is
        only set where there is none: raise `TagExists`; of many at once exactly one sets it.
        """
        await self._stores.links.write(layout.tag_history(name, tag, digest), digest)
        async with self._locks.hold(name, tag):
            if keep:
                await self.check_free(name, tag)
            await ensure()
            await self._stores.links.write(layout.tag_current(name, tag), digest)

    async def check_free(self, name: RepositoryName, tag: Tag) -> None:
        """Raise `TagExists` where the tag names something."""
        if await self._stores.links.target(layout.tag_current(name, tag)) is not None:
            raise TagExists(name, tag)

    async def delete(self, name: RepositoryName, tag: Tag) -> None:
        """Remove the tag and nothing else, durably; raise `ManifestUnknown`."""
        await self.resolve(name, tag)
        async with self._locks.hold(name, tag):
            await self._remove(name, tag)

    async def delete_all_of(
        self, name: RepositoryName, digest: Digest, still: Callable[[], Awaitable[bool]] = _always
    ) -> None:
        """Remove every tag that names the manifest, durably.

        `still` is asked at the last moment whether to go on with one. A tag that is moved meanwhile stays.
        """
        async for tag, target in self._all(name):
            if target == digest:
                async with self._locks.hold(name, tag):
                    current = await self._stores.links.target(layout.tag_current(name, tag))
                    if current == digest and await still():
                        with suppress(ManifestUnknown):
                            await self._remove(name, tag)

    async def page(self, name: RepositoryName, last: str | None, limit: int | None) -> tuple[list[str], bool]:
        """Tags in ASCIIbetical order behind `last`, at most `limit`, and whether more follow.

        Raise `RepositoryUnknown`. (distribution-spec, "Listing Tags")
        """
        names = await self._names(name)
        start = 0 if last is None else bisect_right(names, last)
        seen = self._seen_in(name, names)
        if len(seen) == len(names):
            stop = len(names) if limit is None else start + limit
            return list(names[start:stop]), limit != 0 and stop < len(names)
        found: list[str] = []
        loop = self._turns.loop()
        for position in range(start, len(names)):
            if limit is not None and len(found) >= limit:
                return found, limit > 0
            await loop.take()
            text = names[position]
            if text in seen or await self._is_set(name, text):
                seen.add(text)
                found.append(text)
        return found, False

    def _seen_in(self, name: RepositoryName, names: Sequence[str]) -> set[str]:
        """Those of the names whose tag has been seen to be set, since this listing was made.

        A folder without a link is looked at each time, because its link may still come; one that has a link keeps it
        until the folder goes, and then the listing is another.
        """
        known = self._seen.get(name)
        if known is not None and known[0] is names:
            return known[1]
        seen: set[str] = set()
        if known is None and len(self._seen) >= _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[name] = (names, seen)
        return seen

    async def _is_set(self, name: RepositoryName, text: str) -> bool:
        tag = _parse(text)
        return tag is not None and await self._stores.links.target(layout.tag_current(name, tag)) is not None

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
