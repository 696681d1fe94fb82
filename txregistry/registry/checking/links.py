"""Whether a folder holds one good link and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from txregistry.oci.digest import Digest
from txregistry.registry.checking.findings import Finding, Kind
from txregistry.registry.checking.hashing import Hashing
from txregistry.registry.checking.view import Link, View
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound

_LINK = "link"


class LinkCheck:
    """Looks at links of all sorts."""

    def __init__(self, view: View, hashing: Hashing) -> None:
        self._view = view
        self._hashing = hashing

    async def folder(
        self, folder: str, digest: Digest, repository: str, resolve: bool = True, beside: Sequence[str] = ()
    ) -> list[Finding]:
        """The folder of a link for `digest`, in which what is named in `beside` may stand too.

        With `resolve` the content that the link names must be there.
        """
        children = await self._view.names(folder)
        if not children:
            return await empty_folder(self._view, folder, repository)
        found = strays(folder, children, (_LINK, *beside), repository)
        if _LINK not in children:
            return found
        path = f"{folder}/{_LINK}"
        link = await self._view.link(path)
        if link is None:
            return [*found, *await not_a_file(self._view, folder, _LINK, repository)]
        problem = fault(link, path, repository, digest)
        if problem is None and resolve:
            problem = await self._unresolved(link, path, repository, digest)
        return found if problem is None else [*found, problem]

    async def _unresolved(self, link: Link, path: str, repository: str, digest: Digest) -> Finding | None:
        target = link.target
        assert target is not None  # or it had a fault
        if not await self._view.has(layout.blob_data(target)):
            return Finding(Kind.DANGLING_LINK, path, f"no content {target}", repository, str(target))
        if target != digest:
            # Distribution keeps what was pushed by sha512 under sha256, and a link by the former that names the latter.
            try:
                hashed = await self._hashing.hex(layout.blob_data(target), digest.algorithm)
            except PathNotFound:
                return None  # In the trash, from where the collector takes no content that has a link.
            if hashed != digest.hex:
                return wrong(path, target, repository, digest, link)
        return None


def fault(link: Link, path: str, repository: str, digest: Digest | None = None) -> Finding | None:
    """What is wrong with a link by itself; `digest` is the one that it stands for, where it stands for one."""
    if link.is_empty:
        return Finding(Kind.EMPTY_LINK, path, "an empty file", repository, evidence=link.info)
    if link.target is None:
        return Finding(Kind.MALFORMED_LINK, path, "not a digest", repository, evidence=link.info)
    if digest is not None and link.target.algorithm == digest.algorithm and link.target != digest:
        return wrong(path, link.target, repository, digest, link)
    return None


def wrong(path: str, target: Digest, repository: str, digest: Digest, link: Link) -> Finding:
    """A link that names the content of another digest."""
    return Finding(Kind.WRONG_LINK, path, f"names {target}", repository, str(digest), evidence=link.info)


def strays(folder: str, children: Sequence[str], expected: Sequence[str], repository: str | None) -> list[Finding]:
    """What stands in a folder that has its own names for everything."""
    return [
        Finding(Kind.STRAY, f"{folder}/{child}", "no such name belongs there", repository)
        for child in children
        if child not in expected
    ]


async def empty_folder(view: View, folder: str, repository: str | None) -> list[Finding]:
    """Of a folder that seems to have no children: empty, gone, or no folder at all."""
    info = await view.info(folder)
    if info is None:
        return []
    if info.is_folder:
        return [Finding(Kind.EMPTY_FOLDER, folder, "nothing is in it", repository)]
    return [Finding(Kind.STRAY, folder, "a file where a folder belongs", repository, evidence=info)]


async def not_a_file(view: View, folder: str, child: str, repository: str | None) -> list[Finding]:
    """Of a child that cannot be read as a file: gone meanwhile, or something else."""
    if child not in await view.names(folder):
        return []
    return [Finding(Kind.STRAY, f"{folder}/{child}", "not a file", repository)]
