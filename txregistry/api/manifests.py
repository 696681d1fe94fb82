"""Manifests: pulled by tag or digest, pushed, and deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from txregistry.api.accept import Accept
from txregistry.api.conditional import digest_fields, is_unchanged
from txregistry.api.guard import grant_of
from txregistry.api.responses import empty_response, text_field
from txregistry.api.urls import URLs
from txregistry.http.errors import BodyTooLarge
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import DigestInvalid, ManifestTooLarge, ManifestUnknown
from txregistry.oci.names import Reference, RepositoryName, Tag
from txregistry.registry.manifests import MANIFEST_LIMIT, Manifests
from txregistry.registry.media import StoredManifest

# What a client from before multi-platform images is given of an index, as Distribution does.
_DEFAULT_PLATFORM = {"os": "linux", "architecture": "amd64"}


class ManifestHandlers:
    """end-3, end-7 and end-9."""

    def __init__(self, manifests: Manifests, urls: URLs) -> None:
        self._manifests = manifests
        self._urls = urls

    async def get(self, request: Request, name: RepositoryName, reference: Reference) -> Response:
        """The bytes as they were pushed, whatever the client accepts.

        The one exception: a tag of an index asked for by a client that can only read images gets its image for
        linux/amd64.
        """
        digest, stored = await self._manifests.get(name, reference)
        if stored.media_type in mediatypes.INDEXES and isinstance(reference, Tag):
            digest, stored = await self._readable(request, name, digest, stored)
        described = digest_fields(digest)
        if is_unchanged(request.headers, digest):
            return empty_response(304, described)
        content_type = (b"Content-Type", stored.media_type.encode("ascii"))
        return Response(200, (content_type, *described), stored.content)

    async def put(self, request: Request, name: RepositoryName, reference: Reference) -> Response:
        """Accept a manifest, and point tags at it: the one in the path, or those of `?tag=` (end-7b)."""
        tags = tuple(Tag.parse(text) for text in request.arguments().get("tag", ()))
        try:
            content = await request.body.read(MANIFEST_LIMIT)
        except BodyTooLarge:
            raise ManifestTooLarge(MANIFEST_LIMIT) from None
        grant = grant_of(request)
        keep = None if grant is None else lambda tag: grant.must_keep(name.text, tag.text)
        content_type = request.headers.text(b"content-type")
        pushed = await self._manifests.put(name, reference, content, content_type, tags, keep)
        headers = [
            (b"Location", self._urls.manifest(request, name, pushed.digest)),
            text_field(b"Docker-Content-Digest", pushed.digest),
        ]
        if pushed.subject is not None:
            headers.append(text_field(b"OCI-Subject", pushed.subject))
        headers += [text_field(b"OCI-Tag", tag) for tag in tags]
        return empty_response(201, headers)

    async def delete(self, _request: Request, name: RepositoryName, reference: Reference) -> Response:
        """A tag alone, or a manifest with every tag on it."""
        await self._manifests.delete(name, reference)
        return empty_response(202)

    async def _readable(
        self, request: Request, name: RepositoryName, digest: Digest, stored: StoredManifest
    ) -> tuple[Digest, StoredManifest]:
        accept = Accept.of(request.headers)
        if not accept.wants_single_image or accept.allows(stored.media_type):
            return digest, stored
        child = _image_for_default_platform(stored.content)
        if child is None:
            return digest, stored
        try:
            found = await self._manifests.get(name, child)
        except ManifestUnknown:
            return digest, stored
        return found if accept.allows(found[1].media_type) else (digest, stored)


def _image_for_default_platform(index: bytes) -> Digest | None:
    for entry in json.loads(index).get("manifests") or ():
        if isinstance(entry, dict) and _is_default(entry.get("platform")):
            try:
                return Digest.parse(str(entry.get("digest")))
            except DigestInvalid:
                return None
    return None


def _is_default(platform: Mapping[str, Any] | None) -> bool:
    return isinstance(platform, dict) and all(platform.get(key) == value for key, value in _DEFAULT_PLATFORM.items())
