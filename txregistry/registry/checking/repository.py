"""Look at everything that stands in one repository's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid, TagInvalid
from txregistry.oci.names import RepositoryName, Tag, UploadId
from txregistry.registry.checking.findings import Checked, Finding, Kind
from txregistry.registry.checking.links import LinkCheck, strays
from txregistry.registry.checking.manifests import ManifestCheck
from txregistry.registry.checking.referrers import ReferrerCheck
from txregistry.registry.checking.settling import Settling
from txregistry.registry.checking.tags import TagCheck
from txregistry.registry.checking.uploads import UploadCheck
from txregistry.registry.checking.view import View
from txregistry.storage import layout

T = TypeVar("T")


class RepositoryCheck:
    """For one run."""

    def __init__(
        self,
        view: View,
        settling: Settling,
        checked: Checked,
        links: LinkCheck,
        manifests: ManifestCheck,
        tags: TagCheck,
        uploads: UploadCheck,
        referrers: ReferrerCheck,
    ) -> None:
        self._view = view
        self._settling = settling
        self._checked = checked
        self._links = links
        self._manifests = manifests
        self._tags = tags
        self._uploads = uploads
        self._referrers = referrers

    async def run(self, name: RepositoryName) -> None:
        """Look at one repository."""
        self._checked.repositories += 1
        examine = self._settling.examine
        await examine(partial(self._folder, layout.repository(name), layout.REPOSITORY_FOLDERS, name.text, "_"))
        await examine(partial(self._folder, layout.manifests(name), layout.MANIFEST_FOLDERS, name.text))
        for algorithms in (layout.all_layers(name), layout.all_revisions(name)):
            await examine(partial(self._algorithms, algorithms, name.text))
        for algorithm in HEX_LENGTHS:
            for digest in await self._digests(layout.layers(name, algorithm), algorithm, name.text):
                self._checked.layers += 1
                await examine(partial(self._links.folder, layout.layer(name, digest), digest, name.text))
            for digest in await self._digests(layout.revisions(name, algorithm), algorithm, name.text):
                self._checked.manifests += 1
                await examine(partial(self._manifests.revision, name, digest))
        for tag in await self._parsed(layout.tags(name), _tag, name.text, "not a tag"):
            self._checked.tags += 1
            await examine(partial(self._tags.tag, name, tag))
        for upload in await self._parsed(layout.uploads(name), UploadId.parse, name.text, "not an upload"):
            self._checked.uploads += 1
            await examine(partial(self._uploads.upload, name, upload))
        await examine(partial(self._referrers.folders, name))
        for algorithm in HEX_LENGTHS:
            folder = f"{layout.all_referrers(name)}/{algorithm}"
            for subject in await self._digests(folder, algorithm, name.text):
                self._checked.referrers += 1
                await examine(partial(self._referrers.subject, name, subject))

    async def _folder(self, folder: str, expected: Sequence[str], repository: str, begins: str = "") -> list[Finding]:
        children = [child for child in await self._view.names(folder) if child.startswith(begins)]
        return strays(folder, children, expected, repository)

    async def _algorithms(self, folder: str, repository: str) -> list[Finding]:
        return [
            Finding(Kind.UNKNOWN_ALGORITHM, f"{folder}/{name}", "not an algorithm that is read here", repository)
            for name in await self._view.names(folder)
            if name not in HEX_LENGTHS
        ]

    async def _digests(self, folder: str, algorithm: str, repository: str) -> list[Digest]:
        return await self._parsed(folder, partial(_digest, algorithm), repository, "not a digest")

    async def _parsed(self, folder: str, parse: Callable[[str], T | None], repository: str, otherwise: str) -> list[T]:
        """The children that are what they should be; the others are looked at as strays."""
        found: list[T] = []
        for text in await self._view.names(folder):
            parsed = parse(text)
            if parsed is None:
                await self._settling.examine(partial(self._stray, folder, text, repository, otherwise))
            else:
                found.append(parsed)
        return found

    async def _stray(self, folder: str, name: str, repository: str, detail: str) -> list[Finding]:
        if name not in await self._view.names(folder):
            return []
        return [Finding(Kind.STRAY, f"{folder}/{name}", detail, repository)]


def _digest(algorithm: str, encoded: str) -> Digest | None:
    try:
        return Digest.parse(f"{algorithm}:{encoded}")
    except DigestInvalid:
        return None


def _tag(text: str) -> Tag | None:
    try:
        return Tag.parse(text)
    except TagInvalid:
        return None
