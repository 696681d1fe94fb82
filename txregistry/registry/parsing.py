"""Parse manifests without holding up the reactor."""

from __future__ import annotations

from txregistry.concurrency.workers import IWorkers
from txregistry.oci.digest import Digest
from txregistry.oci.manifest import Manifest, parse_manifest

# Up to this many bytes a parse takes less than a visit to a worker and back would save; a hostile document of the
# largest size takes most of a second.
_LARGE = 64 * 1024


class ManifestParsing:
    """Small manifests are parsed at once, large ones on a worker."""

    def __init__(self, workers: IWorkers) -> None:
        self._workers = workers

    async def parse(self, content: bytes, content_type: str | None, algorithm: str) -> tuple[Manifest, Digest]:
        """What the bytes mean and their digest; raise `ManifestInvalid`."""
        if len(content) > _LARGE:
            return await self._workers.run(_parse, content, content_type, algorithm)
        return _parse(content, content_type, algorithm)


def _parse(content: bytes, content_type: str | None, algorithm: str) -> tuple[Manifest, Digest]:
    return parse_manifest(content, content_type), Digest.of(content, algorithm)
