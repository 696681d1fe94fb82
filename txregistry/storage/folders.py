"""What kind of folder each of many is, remembered as long as `stat` says that the folder is unchanged."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import IStorageDriver

K = TypeVar("K")

# How many folders are remembered: each takes about 300 bytes.
_MOST = 150_000


class FolderKinds(Generic[K]):
    """The kind is a value made from the sorted names in a folder; few different ones, so that they can be shared.

    A cache of its own, because a listing for each of 100,000 folders would take the place of everything else that is
    kept in memory. It is no more the truth about existence than that one is.
    """

    def __init__(self, driver: IStorageDriver, kind: Callable[[Sequence[str]], K], most: int = _MOST) -> None:
        self._driver = driver
        self._kind = kind
        self._most = most
        self._count = 0
        # By the folder around them, whose names are in memory anyway, and its children's names.
        self._known: OrderedDict[str, dict[str, tuple[object, K]]] = OrderedDict()

    async def of(self, around: str, names: Sequence[str]) -> list[K | None]:
        """The kinds of the folders with these names in a folder; None where there is none. For some hundred at most."""
        found: list[K | None] = []
        known = self._known.get(around, {})
        for name, info in zip(names, await self._driver.stat_each(around, names), strict=True):
            entry = known.get(name)
            if info is None or not info.is_folder:
                found.append(None)
            elif entry is not None and entry[0] == info.version:
                found.append(entry[1])
            else:
                found.append(await self._read(around, name, info.version))
        return found

    async def _read(self, around: str, name: str, version: object | None) -> K | None:
        # The version was taken before the listing: a child that comes in between makes the entry old, never wrong.
        try:
            kind = self._kind(await self._driver.list(f"{around}/{name}"))
        except PathNotFound:
            return None
        if version is not None:
            self._keep(around, name, version, kind)
        return kind

    def _keep(self, around: str, name: str, version: object, kind: K) -> None:
        known = self._known.setdefault(around, {})
        if name not in known:
            self._count += 1
        known[name] = (version, kind)
        while self._count > self._most:
            _, dropped = self._known.popitem(last=False)
            self._count -= len(dropped)
