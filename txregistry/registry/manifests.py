"""Manifests: what is accepted, and what a push and a delete change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from attrs import frozen

from txregistry.concurrency.shield import shielded
from txregistry.oci.digest import CANONICAL_ALGORITHM, Digest
from txregistry.oci.errors import (
    DigestInvalid,
    ManifestInvalid,
    ManifestReferencesUnknown,
    ManifestUnknown,
    RepositoryUnknown,
)
from txregistry.oci.manifest import Manifest
from txregistry.oci.names import Reference, RepositoryName, Tag
from txregistry.registry.media import StoredManifest
from txregistry.registry.parsing import ManifestParsing
from txregistry.registry.referrers import Referrers
from txregistry.registry.revisions import Revisions
from txregistry.registry.tags import Tags
from txregistry.registry.validation import References

# distribution-spec, "Pushing Manifests": registries accept at least 4 megabytes; Distribution takes as much as this.
MANIFEST_LIMIT = 4 * 1024 * 1024


@frozen
class PushedManifest:
    """What a push did: the digest, and the subject that the manifest has, if any."""

    digest: Digest
    subject: Digest | None


class Manifests:
    """Reads, accepts and removes manifests of any repository."""

    def __init__(
        self,
        parsing: ManifestParsing,
        revisions: Revisions,
        tags: Tags,
        referrers: Referrers,
        references: References,
    ) -> None:
        self._parsing = parsing
        self._revisions = revisions
        self._tags = tags
        self._referrers = referrers
        self._references = references

    async def get(self, name: RepositoryName, reference: Reference) -> tuple[Digest, StoredManifest]:
        """The manifest and the digest to call it by; raise `ManifestUnknown`."""
        if not isinstance(reference, Tag):
            return reference, await self._revisions.get(name, reference)
        digest = await self._tags.resolve(name, reference)
        while True:
            try:
                return digest, await self._revisions.get(name, digest)
            except ManifestUnknown:
                # The tag may have been moved, and what it named before deleted, since we looked.
                before, digest = digest, await self._tags.resolve(name, reference)
                if digest == before:
                    raise

    async def put(
        self,
        name: RepositoryName,
        reference: Reference,
        content: bytes,
        content_type: str | None,
        tags: Sequence[Tag] = (),
        keep: Callable[[Tag], bool] | None = None,
    ) -> PushedManifest:
        """Accept a manifest, byte for byte, and point the tags at it; durable.

        Raise `ManifestInvalid`, `DigestInvalid` where the reference is not the content's digest,
        `ManifestReferencesUnknown`, `TagExists` where a tag that is to be kept names something already. A push that
        fails or is cut short leaves every tag as it was or set, never half.
        """
        algorithm = CANONICAL_ALGORITHM if isinstance(reference, Tag) else reference.algorithm
        manifest, digest = await self._parsing.parse(content, content_type, algorithm)
        if isinstance(reference, Tag):
            tags = (reference, *tags)
        elif digest != reference:
            raise DigestInvalid(str(reference), f"the content's digest is {digest}")
        kept = frozenset() if keep is None else frozenset(tag for tag in tags if keep(tag))
        for tag in kept:
            # Before anything is written, although it counts only when the tag is set.
            await self._tags.check_free(name, tag)
        await self._references.check(name, manifest)
        await self._revisions.put(name, digest, content)
        await self._confirm(name, manifest, digest, content)
        if manifest.subject is not None:
            await self._referrers.add(name, manifest, digest, len(content))
        for tag in dict.fromkeys(tags):
            await self._tags.point(name, tag, digest, self._revisions.kept(name, digest, content), tag in kept)
        return PushedManifest(digest, None if manifest.subject is None else manifest.subject.digest)

    async def _confirm(self, name: RepositoryName, manifest: Manifest, digest: Digest, content: bytes) -> None:
        """See that everything outlived the writing of it.

        Somebody may have deleted a blob or the repository since it was looked at; and where a slow disk has drawn the
        writing out, a collection that began before the manifest was visible goes by leases that may have run out.
        """
        if not await self._revisions.claim(name, digest):
            await self._revisions.put(name, digest, content)
        try:
            await self._references.check(name, manifest)
        except ManifestReferencesUnknown:
            await shielded(self._take_back(name, digest))
            raise

    async def _take_back(self, name: RepositoryName, digest: Digest) -> None:
        async with self._revisions.alone(name, digest):
            with suppress(ManifestUnknown, RepositoryUnknown):
                # One with a tag was pushed by somebody else, before the blob was deleted.
                if not await self._tags.has_any_of(name, digest):
                    await self._revisions.delete(name, digest)

    async def delete(self, name: RepositoryName, reference: Reference) -> None:
        """By tag: the tag alone. By digest: the manifest and every tag on it. Durable; raise `ManifestUnknown`.

        (distribution-spec, "Deleting tags", "Deleting Manifests")
        """
        if isinstance(reference, Tag):
            await self._tags.delete(name, reference)
            return
        stored = await self._revisions.get(name, reference)
        await shielded(self._delete(name, reference, stored))

    async def _delete(self, name: RepositoryName, reference: Digest, stored: StoredManifest) -> None:
        async with self._revisions.alone(name, reference):
            # The tags go first: whenever this is cut short, no tag names what is not there.
            await self._tags.delete_all_of(name, reference)
            await self._revisions.delete(name, reference)

        async def still() -> bool:
            return not await self._revisions.claim(name, reference)

        # Where the store cannot lock, one may have been set by a push that did not see the deletion.
        await self._tags.delete_all_of(name, reference, still)
        try:
            manifest, _ = await self._parsing.parse(stored.content, stored.media_type, reference.algorithm)
        except ManifestInvalid:
            return
        if manifest.subject is not None:
            await self._referrers.remove(name, manifest.subject.digest, reference)
