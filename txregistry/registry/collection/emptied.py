"""Remove repositories that have nothing any more, with their folders."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from txregistry.oci.digest import HEX_LENGTHS
from txregistry.oci.names import RepositoryName
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IStorageDriver


class EmptyRepositories:
    """Only empty folders are removed, so whoever writes into one at the same moment wins."""

    def __init__(self, driver: IStorageDriver) -> None:
        self._driver = driver

    async def remove(self, name: RepositoryName) -> bool:
        """Remove the repository if it has no manifest, tag, blob or upload; tell whether it is gone."""
        for folder in (
            *(layout.layers(name, algorithm) for algorithm in HEX_LENGTHS),
            *(layout.revisions(name, algorithm) for algorithm in HEX_LENGTHS),
            layout.tags(name),
            layout.uploads(name),
        ):
            if await self._names(folder):
                return False
        with suppress(PathNotFound):
            # Nothing is left that could refer to anything.
            await self._driver.delete(layout.all_referrers(name), durable=False)
        for folder in layout.repository_folders(name):
            await self._driver.remove_empty(folder)
        folder = layout.repository(name)
        gone = await self._driver.remove_empty(folder)
        while gone and (folder := folder.rpartition("/")[0]) != layout.REPOSITORIES:
            if not await self._driver.remove_empty(folder):
                break
        return not await self._has_marks(name)

    async def _has_marks(self, name: RepositoryName) -> bool:
        return any(mark in layout.REPOSITORY_MARKS for mark in await self._names(layout.repository(name)))

    async def _names(self, folder: str) -> Sequence[str]:
        try:
            return await self._driver.list(folder)
        except PathNotFound:
            return ()
