"""Whether this store may be collected: one that another registry made is only reported on until its owner says so."""

from __future__ import annotations

from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IStorageDriver


class Adoption:
    """A registry:2 beside us renews no lease, so what it has just promised could be taken away.

    A store that was empty when we first saw it is ours from the beginning.
    """

    def __init__(self, driver: IStorageDriver) -> None:
        self._driver = driver

    async def is_ours(self) -> bool:
        """Whether it has been adopted; an empty store is, by this call."""
        try:
            await self._driver.stat(layout.ADOPTED)
        except PathNotFound:
            pass
        else:
            return True
        for folder in (layout.BLOBS, layout.REPOSITORIES):
            try:
                if await self._driver.list(folder, limit=1):
                    return False
            except PathNotFound:
                continue
        await self.adopt()
        return True

    async def adopt(self) -> None:
        """Say that it may be collected; durable."""
        await self._driver.write(layout.ADOPTED, b"")
