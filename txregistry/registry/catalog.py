"""Which repositories there are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator

from txregistry.concurrency.turns import Loop, Turns
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.stores import Stores


class Catalog:
    """Found by walking the tree of names, in the order of their components: `a`, `a/b`, `a-b`."""

    def __init__(self, stores: Stores, turns: Turns) -> None:
        self._stores = stores
        self._turns = turns

    async def page(self, last: str | None, limit: int) -> tuple[list[str], bool]:
        """Names behind `last`, which need not exist, at most `limit`, and whether more follow.

        A page costs its own length and the listings of the folders on the way to it.
        """
        found: list[str] = []
        if limit == 0:
            return found, False
        async for name in self._walk(self._turns.loop(), "", last.split("/") if last else []):
            if len(found) == limit:
                return found, True
            found.append(name)
        return found, False

    async def _walk(self, loop: Loop, folder: str, last: list[str]) -> AsyncIterator[str]:
        """Repositories in and below a folder. `last` is what remains of the last name, seen from here."""
        await loop.take()
        try:
            children = await self._stores.cache.listing(layout.repository_folder(folder))
        except PathNotFound:
            return
        if folder and not last and any(mark in children for mark in layout.REPOSITORY_MARKS):
            yield folder
        start = bisect_left(children, last[0]) if last else 0
        for position in range(start, len(children)):
            child = children[position]
            if child.startswith("_"):
                continue
            # Only the branch that `last` itself stands in has names that were told already, `last` included.
            rest = last[1:] or [""] if last and child == last[0] else []
            async for name in self._walk(loop, f"{folder}/{child}" if folder else child, rest):
                yield name
