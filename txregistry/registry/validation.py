"""Whether a repository has what a manifest refers to."""

from __future__ import annotations

from urllib.parse import urlsplit

from txregistry.config.model import Validation
from txregistry.oci import mediatypes
from txregistry.oci.descriptor import Descriptor
from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestInvalid, ManifestReferencesUnknown
from txregistry.oci.manifest import Manifest
from txregistry.oci.names import RepositoryName
from txregistry.registry.blobs import RepositoryBlobs
from txregistry.registry.revisions import Revisions


class References:
    """Checks a manifest's references by the `validation` section; a missing `subject` is always accepted.

    What a manifest refers to gets a lease before it is looked for, so it is there for a grace after the check.
    """

    def __init__(self, settings: Validation, blobs: RepositoryBlobs, revisions: Revisions) -> None:
        self._settings = settings
        self._blobs = blobs
        self._revisions = revisions

    async def check(self, name: RepositoryName, manifest: Manifest) -> None:
        """Raise `ManifestReferencesUnknown` with all that is missing, or `ManifestInvalid` for a forbidden URL."""
        if self._settings.disabled:
            return
        missing: list[Digest] = []
        if manifest.config is not None and await self._blobs.claim(name, manifest.config.digest) is None:
            missing.append(manifest.config.digest)
        for layer in manifest.layers:
            self._check_urls(layer)
            if not _is_held_elsewhere(layer) and await self._blobs.claim(name, layer.digest) is None:
                missing.append(layer.digest)
        wanted = filter(self._is_wanted, manifest.manifests)
        missing += [child.digest for child in wanted if not await self._revisions.claim(name, child.digest)]
        if missing:
            raise ManifestReferencesUnknown(tuple(dict.fromkeys(missing)))

    def _check_urls(self, layer: Descriptor) -> None:
        for url in layer.urls:
            try:
                parts = urlsplit(url)
            except ValueError:
                raise ManifestInvalid(f"a layer has an invalid url: {url!r}") from None
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.fragment:
                raise ManifestInvalid(f"a layer has an invalid url: {url!r}")
            if not self._is_allowed(url):
                raise ManifestInvalid(f"a layer has a url that validation.manifests.urls does not allow: {url!r}")

    def _is_allowed(self, url: str) -> bool:
        urls = self._settings.manifests.urls
        if not urls.allow and not urls.deny:
            return False
        if any(expression.search(url) for expression in urls.deny):
            return False
        return not urls.allow or any(expression.search(url) for expression in urls.allow)

    def _is_wanted(self, child: Descriptor) -> bool:
        indexes = self._settings.manifests.indexes
        if indexes.platforms != "list":
            return indexes.platforms == "all"
        # A child without a platform is for all of them.
        platform = child.platform or {}
        return not platform or any(
            wanted.os == platform.get("os") and wanted.architecture == platform.get("architecture")
            for wanted in indexes.platformlist
        )


def _is_held_elsewhere(layer: Descriptor) -> bool:
    return bool(layer.urls) and layer.media_type.startswith(mediatypes.FOREIGN_LAYERS)
