"""Where things wait between being removed and being gone, and from where they come back at once."""

from __future__ import annotations

from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import FileInfo, IStorageDriver


class Trash:
    """Holds files under the path that they had, so that whoever misses one knows where to look."""

    def __init__(self, driver: IStorageDriver) -> None:
        self._driver = driver

    async def throw(self, path: str) -> FileInfo:
        """Move a file here; tell what is known of it now. Raise `PathNotFound`.

        Not durable: after a power cut the file may stand where it stood, which loses nothing.
        """
        target = layout.trashed(path)
        await self._driver.move(path, target, durable=False)
        return await self._driver.stat(target)

    async def restore(self, path: str) -> bool:
        """Move a file back to its path, durably, if it is here; tell whether it stands at its path now."""
        source = layout.trashed(path)
        try:
            await self._driver.stat(source)
            await self._driver.move(source, path)
        except PathNotFound:
            return await self._is_at(path)
        return True

    async def remove(self, path: str) -> bool:
        """Remove for good what had this path; tell whether it was here."""
        try:
            await self._driver.delete(layout.trashed(path), durable=False)
        except PathNotFound:
            return False
        return True

    async def tidy(self, path: str) -> None:
        """Remove the folders of what had this path, as far up as they are empty."""
        folder = layout.trashed(path).rpartition("/")[0]
        while folder.startswith(layout.TRASH) and await self._driver.remove_empty(folder):
            folder = folder.rpartition("/")[0]

    async def _is_at(self, path: str) -> bool:
        # Somebody else who missed it may have been faster.
        try:
            await self._driver.stat(path)
        except PathNotFound:
            return False
        return True
