"""Small files and folder listings kept in memory, and used only while `stat` says that they are unchanged.

No entry is ever the truth about existence: each use asks the store for the path's version first, so that several
processes and another registry on the same folder need not tell each other anything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from txregistry.concurrency.workers import IWorkers
from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import FileInfo, IStorageDriver

T = TypeVar("T")

# What all entries together may weigh, in bytes; one that is heavier than a quarter of it is not kept.
TOTAL_LIMIT = 64 * 1024 * 1024
# Content above this many bytes is parsed on a worker.
_LARGE = 64 * 1024
# What an entry costs beside its content: the key, the tuple, the parsed value.
_OVERHEAD = 512
_NAME_OVERHEAD = 64


class VersionedCache:
    """Reads through a driver."""

    def __init__(self, driver: IStorageDriver, workers: IWorkers, limit: int = TOTAL_LIMIT) -> None:
        self._driver = driver
        self._workers = workers
        self._limit = limit
        self._weight = 0
        self._entries: OrderedDict[str, tuple[object, int, Any]] = OrderedDict()

    async def read(self, path: str, parse: Callable[[bytes], T]) -> T:
        """What `parse` makes of the file; raise `PathNotFound` or what `parse` raises.

        One path is always read with the same `parse`.
        """
        return (await self.look(path, parse))[0]

    async def look(self, path: str, parse: Callable[[bytes], T]) -> tuple[T, FileInfo]:
        """The same, with what is known of the file now."""
        info = await self._driver.stat(path)
        entry = self._entries.get(path)
        if entry is not None and entry[0] == info.version:
            self._entries.move_to_end(path)
            value: T = entry[2]
            return value, info
        return await self._fetch(path, parse), info

    async def read_each(self, folder: str, names: Sequence[str], parse: Callable[[bytes], T]) -> list[T | None]:
        """`read` of each of the files with these names in a folder, None where there is none; for some hundred."""
        found: list[T | None] = []
        for name, info in zip(names, await self._driver.stat_each(folder, names), strict=True):
            path = f"{folder}/{name}"
            entry = self._entries.get(path)
            if info is None:
                found.append(None)
            elif entry is not None and entry[0] == info.version:
                self._entries.move_to_end(path)
                found.append(entry[2])
            else:
                try:
                    found.append(await self._fetch(path, parse))
                except PathNotFound:
                    found.append(None)
        return found

    async def listing(self, path: str) -> Sequence[str]:
        """The sorted names in a folder; raise `PathNotFound`."""
        info = await self._driver.stat(path)
        if not info.is_folder:
            raise PathNotFound(path)
        entry = self._entries.get(path)
        if entry is not None and entry[0] == info.version:
            self._entries.move_to_end(path)
            names: Sequence[str] = entry[2]
            return names
        # The version was taken before the listing: a child that comes in between makes the entry old, never wrong.
        names = await self._driver.list(path)
        self._keep(path, info.version, sum(map(len, names)) + _NAME_OVERHEAD * len(names) + _OVERHEAD, names)
        return names

    async def _fetch(self, path: str, parse: Callable[[bytes], T]) -> T:
        content = await self._driver.read(path)
        if len(content.data) > _LARGE:
            value = await self._workers.run(parse, content.data)
        else:
            value = parse(content.data)
        self._keep(path, content.info.version, len(content.data) + _OVERHEAD, value)
        return value

    def _keep(self, path: str, version: object | None, weight: int, value: object) -> None:
        replaced = self._entries.pop(path, None)
        if replaced is not None:
            self._weight -= replaced[1]
        if version is None or weight > self._limit // 4:
            return
        self._entries[path] = (version, weight, value)
        self._weight += weight
        while self._weight > self._limit:
            _, (_, dropped, _) = self._entries.popitem(last=False)
            self._weight -= dropped
