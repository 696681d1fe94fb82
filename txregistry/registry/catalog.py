"""Which repositories there are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache

from attrs import define, frozen

from txregistry.concurrency.turns import Loop, Turns
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound
from txregistry.storage.folders import FolderKinds
from txregistry.storage.stores import Stores

# How many folders are looked at in one go: a fraction of a millisecond.
_RUN = 128
# How fast it becomes that many, as long as no names go on below those that were looked at.
_FASTER = 4


@frozen
class _Kind:
    """Of a folder in the tree of names: what stands in it, and whether names go on below it."""

    repository: bool
    uploads: bool
    goes_on: bool


class Catalog:
    """Found by walking the tree of names, in the order of their components: `a`, `a/b`, `a-b`."""

    def __init__(self, stores: Stores, turns: Turns) -> None:
        self._stores = stores
        self._turns = turns
        self._kinds = FolderKinds(stores.driver, _kind)

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
        walk = self._walk(_is_repository, layout.REPOSITORIES)
        walk.need = limit + 1
        async for run in walk.below("", last.split("/") if last else []):
            found += run if visible is None else filter(visible, run)
            walk.need = limit + 1 - len(found)
            if walk.need <= 0:
                return found[:limit], True
        return found, False

    async def names(self, root: str = layout.REPOSITORIES) -> AsyncIterator[str]:
        """All names, one after the other, in this tree of repositories."""
        async for run in self._walk(_is_repository, root).below("", []):
            for name in run:
                yield name

    async def uploading(self) -> AsyncIterator[str]:
        """Names under which there are upload sessions, be there a repository already or not."""
        async for run in self._walk(_has_uploads, layout.REPOSITORIES).below("", []):
            for name in run:
                yield name

    async def has(self, name: str) -> bool:
        """Whether there is a repository of this name."""
        return _kind(await _children(self._stores, f"{layout.REPOSITORIES}/{name}")).repository

    def _walk(self, wanted: Callable[[_Kind], bool], root: str) -> _Walk:
        return _Walk(self._stores, self._kinds, self._turns.loop(), wanted, root)


@define
class _Walk:
    """Through one tree of names. `need` is how many are still asked for, as far as that is known."""

    stores: Stores
    kinds: FolderKinds[_Kind]
    loop: Loop
    wanted: Callable[[_Kind], bool]
    root: str
    need: int = _RUN

    async def below(self, folder: str, last: list[str]) -> AsyncIterator[list[str]]:
        """Names of what is wanted below a folder, some at a time; `last` is what remains of the last name from here."""
        path, prefix = (f"{self.root}/{folder}", f"{folder}/") if folder else (self.root, "")
        children = await _children(self.stores, path)
        at = bisect_left(children, last[0]) if last else 0
        ahead = 1
        while at < len(children):
            await self.loop.take()
            names = [child for child in children[at : at + ahead] if child[0] != "_"]
            at += ahead
            # Where one has names below it, those come first, and the others may not be needed at all.
            ahead = min(ahead * _FASTER, self.need, _RUN)
            run: list[str] = []
            for child, kind in zip(names, await self.kinds.of(path, names), strict=True):
                if kind is None:
                    continue
                # Only the branch that `last` itself stands in has names that were told already, `last` included.
                told = bool(last) and child == last[0]
                if not told and self.wanted(kind):
                    run.append(prefix + child)
                if kind.goes_on:
                    if run:
                        yield run
                        run = []
                    async for inside in self.below(prefix + child, last[1:] if told else []):
                        yield inside
                    ahead = 1
            if run:
                yield run


async def _children(stores: Stores, folder: str) -> Sequence[str]:
    try:
        return await stores.cache.listing(folder)
    except PathNotFound:
        return ()


def _is_repository(kind: _Kind) -> bool:
    return kind.repository


def _has_uploads(kind: _Kind) -> bool:
    return kind.uploads


def _kind(children: Sequence[str]) -> _Kind:
    # Sorted, so that all names that begin with "_" stand together, before the next character's.
    own = children[bisect_left(children, "_") : bisect_left(children, "`")]
    return _shared_kind(
        not layout.REPOSITORY_MARKS.isdisjoint(own), layout.UPLOADS_FOLDER in own, len(own) < len(children)
    )


# A hundred thousand folders are of these few kinds.
_shared_kind = cache(_Kind)
