"""Blobs: pulled whole or in ranges, and taken from a repository."""

from __future__ import annotations

from txregistry.api.conditional import digest_fields, is_unchanged, range_applies
from txregistry.api.downloads import download
from txregistry.api.responses import empty_response, text_field
from txregistry.http.headers import Field
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName
from txregistry.oci.ranges import format_content_range, parse_range
from txregistry.registry.blobs import RepositoryBlobs

_FIXED: tuple[Field, ...] = (
    (b"Content-Type", b"application/octet-stream"),
    (b"Accept-Ranges", b"bytes"),
    (b"Cache-Control", b"max-age=31536000"),
)


class BlobHandlers:
    """end-2 and end-10."""

    def __init__(self, blobs: RepositoryBlobs) -> None:
        self._blobs = blobs

    async def get(self, request: Request, name: RepositoryName, digest: Digest) -> Response:
        """The blob's bytes, or the range of them that was asked for (RFC 9110 §14)."""
        headers = request.headers
        described = _FIXED + digest_fields(digest)
        if request.method == "HEAD":
            size = await self._blobs.size(name, digest)
            if is_unchanged(headers, digest):
                return empty_response(304, described)
            return Response(200, described, length=size)
        asked = headers.text(b"range")
        if asked is not None and range_applies(headers, digest):
            size = await self._blobs.size(name, digest)
            part = parse_range(asked, size)
            if part is not None:
                reader = await self._blobs.open(name, digest, part.first, part.last)
                return Response(
                    206, (*described, text_field(b"Content-Range", format_content_range(part, size))), download(reader)
                )
        if is_unchanged(headers, digest):
            await self._blobs.size(name, digest)
            return empty_response(304, described)
        return Response(200, described, download(await self._blobs.open(name, digest)))

    async def delete(self, _request: Request, name: RepositoryName, digest: Digest) -> Response:
        """The blob leaves this repository; its bytes stay for others."""
        await self._blobs.delete(name, digest)
        return empty_response(202)
