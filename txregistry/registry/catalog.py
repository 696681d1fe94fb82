"""Which repositories there are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence, Set

from txregistry.concurrency.turns import Loop, Turns
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.stores import Stores


class Catalog:
    """Found by walking the tree of names, in the order of their components: `a`, `a/b`, `a-b`."""

    def __init__(self, stores: Stores, turns: Turns) -> None:
        self._stores = stores
        self._turns = turns

    async def page(
        self, last: str | None, limit: int, visible: Callable[[str], bool] | None = None
    ) -> tuple[list[str], bool]:
        """Names behind `last`, which need not exist, at most `limit`, and whether more follow.

        Names that are not `visible` count as if there were no such repository. A page costs its own length, that of
        what is left out of it, and the listings of the folders on the way to it.
        """
        found: list[str] = []
        if limit == 0:
            return found, False
        async for name in self.names(last=last):
            if visible is not None and not visible(name):
                continue
            if len(found) == limit:
                return found, True
            found.append(name)
        return found, False

    def names(self, root: str = layout.REPOSITORIES, last: str | None = None) -> AsyncIterator[str]:
        """All names behind `last`, one after the other, in this tree of repositories."""
        return self._walk(self._turns.loop(), layout.REPOSITORY_MARKS, root, "", last.split("/") if last else [])

    def uploading(self) -> AsyncIterator[str]:
        """Names under which there are upload sessions, be there a repository already or not."""
        return self._walk(self._turns.loop(), frozenset({layout.UPLOADS_FOLDER}), layout.REPOSITORIES, "", [])

    async def has(self, name: str) -> bool:
        """Whether there is a repository of this name."""
        return _has_any(await self._children(f"{layout.REPOSITORIES}/{name}"), layout.REPOSITORY_MARKS)

    async def _walk(self, loop: Loop, marks: Set[str], root: str, folder: str, last: list[str]) -> AsyncIterator[str]:
        """Folders with one of the marks, in and below a folder. `last` is what remains of the last name from here."""
        await loop.take()
        children = await self._children(f"{root}/{folder}" if folder else root)
        if folder and not last and _has_any(children, marks):
            yield folder
        start = bisect_left(children, last[0]) if last else 0
        for position in range(start, len(children)):
            child = children[position]
            if child.startswith("_"):
                continue
            # Only the branch that `last` itself stands in has names that were told already, `last` included.
            rest = last[1:] or [""] if last and child == last[0] else []
            async for name in self._walk(loop, marks, root, f"{folder}/{child}" if folder else child, rest):
                yield name

    async def _children(self, folder: str) -> Sequence[str]:
        try:
            return await self._stores.cache.listing(folder)
        except PathNotFound:
            return ()


def _has_any(children: Sequence[str], marks: Set[str]) -> bool:
    return any(mark in children for mark in marks)
