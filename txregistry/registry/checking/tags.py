"""Whether a tag names a manifest that is there."""

from __future__ import annotations

from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.checking.findings import Finding, Kind
from txregistry.registry.checking.links import LinkCheck, empty_folder, fault, strays
from txregistry.registry.checking.view import View
from txregistry.storage import layout

_CURRENT = "current"
_INDEX = "index"


class TagCheck:
    """Looks at a tag and its history. What a tag once named may be gone; what it names now may not."""

    def __init__(self, view: View, links: LinkCheck) -> None:
        self._view = view
        self._links = links

    async def tag(self, name: RepositoryName, tag: Tag) -> list[Finding]:
        """One tag."""
        folder = layout.tag(name, tag)
        children = await self._view.names(folder)
        if not children:
            return await empty_folder(self._view, folder, name.text)
        found = strays(folder, children, (_CURRENT, _INDEX), name.text)
        if (problem := await self._current(name, tag)) is not None:
            found.append(problem)
        return found + await self._history(name, f"{folder}/{_INDEX}")

    async def _current(self, name: RepositoryName, tag: Tag) -> Finding | None:
        path = layout.tag_current(name, tag)
        history = f"{layout.tag(name, tag)}/{_INDEX}"
        link = await self._view.link(path)
        if link is None:
            if await self._view.info(history) is None:
                above = f"{layout.tag(name, tag)}/{_CURRENT}"
                return next(iter(await empty_folder(self._view, above, name.text)), None)
            # A push writes the history first, so a crash between the two leaves this. Only that much is put aside: a
            # push of this very tag may be writing the rest.
            return Finding(Kind.UNSET_TAG, history, f"the tag {tag} names nothing", name.text)
        problem = fault(link, path, name.text)
        if problem is None:
            assert link.target is not None  # or it had a fault
            if await self._view.has(layout.revision_link(name, link.target)):
                return None
            detail = f"the tag {tag} names a manifest that the repository does not have"
            problem = Finding(Kind.DANGLING_TAG, path, detail, name.text, str(link.target), evidence=link.info)
        return Finding(
            problem.kind,
            problem.path,
            problem.detail,
            name.text,
            problem.digest,
            evidence=problem.evidence,
            companions=(history,),
        )

    async def _history(self, name: RepositoryName, folder: str) -> list[Finding]:
        algorithms = await self._view.names(folder)
        found = strays(folder, algorithms, tuple(HEX_LENGTHS), name.text)
        for algorithm in HEX_LENGTHS:
            for encoded in await self._view.names(f"{folder}/{algorithm}"):
                entry = f"{folder}/{algorithm}/{encoded}"
                try:
                    digest = Digest.parse(f"{algorithm}:{encoded}")
                except DigestInvalid:
                    found.append(Finding(Kind.STRAY, entry, "not a digest", name.text))
                else:
                    found += await self._links.folder(entry, digest, name.text, resolve=False)
        return found
