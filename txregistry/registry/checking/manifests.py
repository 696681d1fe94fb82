"""Whether a manifest can be read, and its repository has what it names."""

from __future__ import annotations

from txregistry.concurrency.workers import IWorkers
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName
from txregistry.registry.checking.findings import Finding, Kind
from txregistry.registry.checking.links import LinkCheck
from txregistry.registry.checking.needs import Needs, Wanted, needs
from txregistry.registry.checking.referrers import ReferrerCheck
from txregistry.registry.checking.view import View
from txregistry.registry.collection.references import Unreadable
from txregistry.storage import layout
from txregistry.storage.interfaces import FileInfo

# A manifest above this many bytes is parsed on a worker.
_LARGE = 64 * 1024
# Registries before 2.4 kept the signatures of schema 1 beside a manifest's link.
_SIGNATURES = "signatures"
# No registry accepts a manifest as large as this; one that is is not read into memory.
_LARGEST = 64 * 1024 * 1024


class ManifestCheck:
    """Looks at revisions."""

    def __init__(
        self, view: View, links: LinkCheck, referrers: ReferrerCheck, workers: IWorkers, wanted: Wanted
    ) -> None:
        self._view = view
        self._links = links
        self._referrers = referrers
        self._workers = workers
        self._wanted = wanted

    async def revision(self, name: RepositoryName, digest: Digest) -> list[Finding]:
        """One manifest: its link, its bytes, what it names, and its file among the referrers of its subject."""
        path = layout.revision_link(name, digest)
        found = await self._links.folder(layout.revision(name, digest), digest, name.text, beside=(_SIGNATURES,))
        link = await self._view.link(path)
        if link is None or link.target is None:
            return found
        data = layout.blob_data(link.target)
        info = await self._view.info(data)
        if info is not None and info.size > _LARGEST:
            return [*found, _unreadable(path, f"{info.size} bytes are no manifest", name, link.target, link.info)]
        content = await self._view.read(data)
        if content is None:
            return found
        try:
            found += await self._missing(name, path, await self._needs(content.data))
        except Unreadable:
            return [*found, _unreadable(path, "its content is not a JSON object", name, link.target, link.info)]
        return found + await self._referrers.of_manifest(name, digest, content.data)

    async def _needs(self, content: bytes) -> Needs:
        if len(content) > _LARGE:
            return await self._workers.run(needs, content)
        return needs(content)

    async def _missing(self, name: RepositoryName, path: str, needed: Needs) -> list[Finding]:
        found: list[Finding] = []
        for digest in needed.blobs:
            if not await self._view.serves(layout.layer_link(name, digest)):
                detail = f"names the blob {digest}, which the repository does not have"
                found.append(Finding(Kind.MISSING_BLOB, path, detail, name.text, str(digest)))
        for digest, platform in needed.children:
            if self._wanted(platform) and not await self._view.serves(layout.revision_link(name, digest)):
                detail = f"names the manifest {digest}, which the repository does not have"
                found.append(Finding(Kind.MISSING_CHILD, path, detail, name.text, str(digest)))
        return found


def _unreadable(path: str, detail: str, name: RepositoryName, digest: Digest, info: FileInfo) -> Finding:
    return Finding(Kind.UNREADABLE_MANIFEST, path, detail, name.text, str(digest), evidence=info)
