"""Delete a whole repository."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from twisted.logger import Logger

from txregistry.concurrency.several import Several
from txregistry.concurrency.shield import shielded
from txregistry.concurrency.turns import Turns
from txregistry.oci.errors import RepositoryUnknown, TagInvalid
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.catalog import Catalog
from txregistry.registry.collection.emptied import EmptyRepositories
from txregistry.registry.locks import FolderLocks
from txregistry.registry.purging import Purging
from txregistry.registry.revisions import Revisions
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.stores import Stores

_log = Logger()

# How often a folder is emptied again because somebody fills it: a pusher shall not keep a deletion for ever.
_PATIENCE = 3
# How many tags are deleted side by side: what waits for the disk together waits once.
_AT_A_TIME = 8


class RepositoryDeletion:
    """What the repository alone has goes at once; content in common is left for the next collection to find."""

    def __init__(
        self, stores: Stores, catalog: Catalog, revisions: Revisions, locks: FolderLocks, purging: Purging, turns: Turns
    ) -> None:
        self._stores = stores
        self._catalog = catalog
        self._revisions = revisions
        self._locks = locks
        self._purging = purging
        self._turns = turns

    async def delete(self, name: RepositoryName) -> None:
        """Delete it with its tags, manifests, links to blobs and idle uploads, but none below it; durable.

        Raise `RepositoryUnknown`. Where it is cut short, the rest is a repository still, and can be deleted. A push to
        it at the same time may be refused, or make it anew.
        """
        if not await self._catalog.has(name.text):
            raise RepositoryUnknown(name)
        await shielded(self._delete(name))

    async def _delete(self, name: RepositoryName) -> None:
        async def every(_tag: Tag) -> bool:
            return True

        async def dangling(tag: Tag) -> bool:
            target = await self._stores.links.target(layout.tag_current(name, tag))
            return target is None or not await self._revisions.claim(name, target)

        # The tags go first: whenever this is cut short, no tag names what is not there.
        await self._delete_tags(name, every)
        # Blobs go before manifests: a push that had its blobs checked before is deleted too, a later one is refused.
        for folder in (layout.all_layers(name), layout.all_revisions(name), layout.all_referrers(name)):
            await self._empty(folder)
        # Those that were set in the meantime, if their push did not see the deletion and store its manifest again.
        await self._delete_tags(name, dangling)
        for upload in await self._purging.sessions(name):
            await self._purging.end(name, upload)
        await self._stores.trash.tidy(layout.tags(name))
        # It leaves the catalog although an upload to it is still going on.
        for folder in layout.repository_folders(name):
            await self._stores.driver.remove_empty(folder)
        await EmptyRepositories(self._stores.driver).remove(name)
        _log.info("repository deleted", repository=str(name))

    async def _delete_tags(self, name: RepositoryName, wanted: Callable[[Tag], Awaitable[bool]]) -> None:
        loop = self._turns.loop()
        try:
            found = await self._stores.driver.list(layout.tags(name))
        except PathNotFound:
            return
        async with Several(_AT_A_TIME) as several:
            for text in found:
                await loop.take()
                try:
                    tag = Tag.parse(text)
                except TagInvalid:
                    await self._drop(f"{layout.tags(name)}/{text}")
                    continue
                await several.begin(self._delete_tag(name, tag, wanted))

    async def _delete_tag(self, name: RepositoryName, tag: Tag, wanted: Callable[[Tag], Awaitable[bool]]) -> None:
        async with self._locks.hold(layout.tag(name, tag)):
            if await wanted(tag):
                await self._drop(layout.tag(name, tag))

    async def _empty(self, folder: str) -> None:
        for _ in range(_PATIENCE):
            # What waits in the trash goes first, or whoever asks for it would bring it back.
            waiting = await self._drop(layout.trashed(folder))
            if not await self._drop(folder) and not waiting:
                break

    async def _drop(self, path: str) -> bool:
        with suppress(PathNotFound):
            await self._stores.driver.delete(path)
            return True
        return False
