"""Whether the files of referrers match the manifests that they stand for."""

from __future__ import annotations

import json

from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid, ManifestInvalid
from txregistry.oci.manifest import Manifest
from txregistry.oci.names import RepositoryName
from txregistry.oci.referrers import referrers_descriptor
from txregistry.registry.checking.findings import Finding, Kind
from txregistry.registry.checking.links import not_a_file, strays
from txregistry.registry.checking.view import View
from txregistry.registry.media import stored_manifest
from txregistry.registry.parsing import ManifestParsing
from txregistry.storage import layout

# As long as `registry.referrers` looks back beyond the time of its last scan, in seconds.
_SLACK = 2.0


class ReferrerCheck:
    """Looks from both sides: from manifests that have a subject, and from the files."""

    def __init__(self, view: View, parsing: ManifestParsing) -> None:
        self._view = view
        self._parsing = parsing

    async def of_manifest(self, name: RepositoryName, digest: Digest, content: bytes) -> list[Finding]:
        """The file that this manifest should have, if it has a subject."""
        manifest = await self._parsed(digest, content)
        if manifest is None or manifest.subject is None:
            return []
        expected = referrers_descriptor(manifest, digest, len(content)).encode()
        path = layout.referrer(name, manifest.subject.digest, digest)
        there = await self._view.read(path)
        if there is not None:
            if _same(there.data, expected):
                return []
            detail = "is not what its manifest says"
            return [Finding(Kind.WRONG_REFERRER, path, detail, name.text, str(digest), content=expected)]
        # What no scan has passed yet is filed when somebody asks: another registry on the folder files nothing.
        revision = await self._view.info(layout.revision(name, digest))
        if revision is None or revision.changed >= await self._scanned_until(name) - _SLACK:
            return []
        detail = f"is not filed under its subject {manifest.subject.digest}"
        return [Finding(Kind.MISSING_REFERRER, path, detail, name.text, str(digest), content=expected)]

    async def subject(self, name: RepositoryName, subject: Digest) -> list[Finding]:
        """The files that are filed under a subject, which itself need not exist."""
        folder = layout.referrers(name, subject)
        children = await self._view.names(folder)
        digests = {child: _parse_key(child) for child in children}
        found = strays(folder, children, [child for child, digest in digests.items() if digest], name.text)
        for child, digest in digests.items():
            if digest is not None:
                found += await self._filed(name, subject, folder, child, digest)
        return found

    async def _filed(
        self, name: RepositoryName, subject: Digest, folder: str, child: str, digest: Digest
    ) -> list[Finding]:
        path = f"{folder}/{child}"
        info = await self._view.info(path)
        if info is None or info.is_folder:
            return await not_a_file(self._view, folder, child, name.text)
        if not await self._view.serves(layout.revision_link(name, digest)):
            detail = "its manifest is gone"
        elif await self._has_subject(name, digest, subject):
            return []
        else:
            detail = "its manifest has another subject"
        return [Finding(Kind.STALE_REFERRER, path, detail, name.text, str(digest), evidence=info)]

    async def _has_subject(self, name: RepositoryName, digest: Digest, subject: Digest) -> bool:
        link = await self._view.link(layout.revision_link(name, digest))
        content = None
        if link is not None and link.target is not None:
            content = await self._view.read(layout.blob_data(link.target))
        if content is None:
            return True  # It waits in the trash: nothing can be said against it.
        manifest = await self._parsed(digest, content.data)
        return manifest is None or (manifest.subject is not None and manifest.subject.digest == subject)

    async def _parsed(self, digest: Digest, content: bytes) -> Manifest | None:
        if b'"subject"' not in content:
            return None  # Most manifests.
        try:
            stored = stored_manifest(content)
            return (await self._parsing.parse(content, stored.media_type, digest.algorithm))[0]
        except ManifestInvalid:
            return None

    async def _scanned_until(self, name: RepositoryName) -> float:
        marker = await self._view.read(layout.referrers_scanned(name))
        try:
            return 0.0 if marker is None else float(marker.data)
        except ValueError:
            return 0.0

    async def folders(self, name: RepositoryName) -> list[Finding]:
        """The folders above those of subjects."""
        top = layout.all_referrers(name)
        marker = layout.referrers_scanned(name).removeprefix(f"{top}/")
        return strays(top, await self._view.names(top), (*HEX_LENGTHS, marker), name.text)


def _same(there: bytes, expected: bytes) -> bool:
    try:
        return bool(json.loads(there) == json.loads(expected))
    except ValueError:
        return False


def _parse_key(key: str) -> Digest | None:
    try:
        return Digest.parse(key.replace("-", ":", 1))
    except DigestInvalid:
        return None
