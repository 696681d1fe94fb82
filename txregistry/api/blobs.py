"""Blobs: pulled whole or in ranges, and taken from a repository."""

from __future__ import annotations

from collections.abc import Sequence

from txregistry.api.conditional import digest_fields, is_unchanged, range_applies
from txregistry.api.downloads import download
from txregistry.api.multipart import Multipart
from txregistry.api.responses import empty_response, text_field
from txregistry.concurrency.turns import Turns
from txregistry.http.headers import Field
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName
from txregistry.oci.ranges import ByteRange, format_content_range, parse_ranges
from txregistry.registry.blobs import RepositoryBlobs
from txregistry.storage.interfaces import IFileBacked

_LASTING: tuple[Field, ...] = ((b"Accept-Ranges", b"bytes"), (b"Cache-Control", b"max-age=31536000"))
_FIXED: tuple[Field, ...] = ((b"Content-Type", b"application/octet-stream"), *_LASTING)


class BlobHandlers:
    """end-2 and end-10."""

    def __init__(self, blobs: RepositoryBlobs, turns: Turns) -> None:
        self._blobs = blobs
        self._turns = turns

    async def get(self, request: Request, name: RepositoryName, digest: Digest) -> Response:
        """The blob's bytes, or the ranges of them that were asked for (RFC 9110 §14)."""
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
            parts = parse_ranges(asked, size)
            if len(parts) > 1:
                return await self._several(name, digest, parts)
            if parts:
                (part,) = parts
                reader = await self._blobs.open(name, digest, part.first, part.last)
                return Response(
                    206, (*described, text_field(b"Content-Range", format_content_range(part, size))), download(reader)
                )
        if is_unchanged(headers, digest):
            await self._blobs.size(name, digest)
            return empty_response(304, described)
        return Response(200, described, download(await self._blobs.open(name, digest)))

    async def _several(self, name: RepositoryName, digest: Digest, parts: Sequence[ByteRange]) -> Response:
        reader = await self._blobs.open(name, digest)
        file = IFileBacked(reader, None)
        if file is None:
            # It can only be read from one end to the other: in memory, or while it is verified.
            return Response(200, _FIXED + digest_fields(digest), download(reader))
        body = Multipart(reader, file, parts, self._turns)
        return Response(206, ((b"Content-Type", body.content_type), *_LASTING, *digest_fields(digest)), body)

    async def delete(self, _request: Request, name: RepositoryName, digest: Digest) -> Response:
        """The blob leaves this repository; its bytes stay for others."""
        await self._blobs.delete(name, digest)
        return empty_response(202)
