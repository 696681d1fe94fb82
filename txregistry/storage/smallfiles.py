"""A folder of the store in which small files stand side by side."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IStorageDriver


@frozen
class SmallFiles:
    """The files of one folder by their names. Every method may raise `StorageFailure`."""

    driver: IStorageDriver
    folder: str

    async def read(self, name: str) -> bytes | None:
        """What stands in the file, None where there is none."""
        try:
            return (await self.driver.read(f"{self.folder}/{name}")).data
        except PathNotFound:
            return None

    async def write(self, name: str, content: bytes) -> None:
        """Make or replace the file, durably and at once."""
        await self.driver.write(f"{self.folder}/{name}", content)

    async def delete(self, name: str) -> bool:
        """Remove the file, durably; whether there was one."""
        try:
            await self.driver.delete(f"{self.folder}/{name}")
        except PathNotFound:
            return False
        return True

    async def names(self) -> Sequence[str]:
        """The names of all files, sorted."""
        try:
            return await self.driver.list(self.folder)
        except PathNotFound:
            return ()
