"""The folders that make the names of repositories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from txregistry.oci.errors import NameInvalid
from txregistry.oci.names import RepositoryName
from txregistry.registry.checking.findings import Finding, Kind
from txregistry.registry.checking.links import empty_folder
from txregistry.registry.checking.view import View
from txregistry.storage import layout

# A path that is longer than any name is not followed: it could lead round in a circle.
_LONGEST = 255


class Tree:
    """Walks as the catalog does, and looks at what the catalog passes over."""

    def __init__(self, view: View) -> None:
        self._view = view

    def folders(self, last: str = "") -> AsyncIterator[str]:
        """Every folder of the tree behind `last`, in the order of their components, with those that are no names."""
        return self._walk("", (), tuple(last.split("/")) if last else ())

    async def folder(self, text: str) -> list[Finding]:
        """One of them: empty, a file, or a name that cannot be asked for."""
        path = f"{layout.REPOSITORIES}/{text}"
        children = await self._view.names(path)
        if not children:
            return await empty_folder(self._view, path, None)
        if len(text) > _LONGEST:
            return [Finding(Kind.MALFORMED_NAME, path, f"longer than {_LONGEST} characters")]
        if _is_repository(children) and repository_name(text) is None:
            return [Finding(Kind.MALFORMED_NAME, path, "not the name of a repository")]
        return []

    async def is_repository(self, text: str) -> bool:
        """Whether something of a repository stands in the folder."""
        return _is_repository(await self._view.names(f"{layout.REPOSITORIES}/{text}"))

    async def _walk(self, folder: str, key: tuple[str, ...], last: tuple[str, ...]) -> AsyncIterator[str]:
        if key and key > last:
            yield folder
        if len(folder) > _LONGEST:
            return
        for child in await self._view.names(f"{layout.REPOSITORIES}/{folder}" if folder else layout.REPOSITORIES):
            below = (*key, child)
            if child.startswith("_") or below < last[: len(below)]:
                continue
            async for found in self._walk(f"{folder}/{child}" if folder else child, below, last):
                yield found


def repository_name(text: str) -> RepositoryName | None:
    """None where it cannot be one."""
    try:
        return RepositoryName.parse(text)
    except NameInvalid:
        return None


def _is_repository(children: Sequence[str]) -> bool:
    return any(child.startswith("_") for child in children)
