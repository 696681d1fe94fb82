"""What stands in the store, seen without changing anything: nothing comes back from the trash, no lease is renewed."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from txregistry.concurrency.turns import Loop
from txregistry.oci.digest import Digest
from txregistry.oci.errors import DigestInvalid
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import Content, FileInfo, IStorageDriver


@frozen
class Link:
    """A link file; `target` is None where no digest stands in it."""

    is_empty: bool
    target: Digest | None
    info: FileInfo


class View:
    """Asks the driver alone, and takes turns with requests. Every method may raise `StorageFailure`."""

    def __init__(self, driver: IStorageDriver, loop: Loop) -> None:
        self._driver = driver
        self._loop = loop

    async def names(self, folder: str) -> Sequence[str]:
        """The children of a folder; none where there is no such folder."""
        await self._loop.take()
        try:
            return await self._driver.list(folder)
        except PathNotFound:
            return ()

    async def info(self, path: str) -> FileInfo | None:
        """What is known of the path; None where nothing is there."""
        await self._loop.take()
        try:
            return await self._driver.stat(path)
        except PathNotFound:
            return None

    async def read(self, path: str) -> Content | None:
        """Small content whole; None where there is no such file."""
        await self._loop.take()
        try:
            return await self._driver.read(path)
        except PathNotFound:
            return None

    async def has(self, path: str) -> bool:
        """Whether a client would find the path: what waits in the trash comes back when it is asked for."""
        for place in (path, layout.trashed(path), path):  # It may be on its way from one to the other.
            if await self.info(place) is not None:
                return True
        return False

    async def link(self, path: str) -> Link | None:
        """The link at the path; None where there is no such file."""
        content = await self.read(path)
        if content is None:
            return None
        text = content.data.strip()
        try:
            target = Digest.parse(text.decode("ascii"))
        except (UnicodeDecodeError, DigestInvalid):
            target = None
        return Link(not text, target, content.info)

    async def serves(self, link: str) -> bool:
        """Whether a link is there, or waits in the trash, and so is the content that it names."""
        for place in (link, layout.trashed(link), link):
            found = await self.link(place)
            if found is not None and found.target is not None:
                return await self.has(layout.blob_data(found.target))
        return False
