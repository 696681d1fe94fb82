"""Uploads: POST, PATCH, PUT, and what has come so far."""

from __future__ import annotations

from txregistry.api.errors import error_response
from txregistry.api.guard import grant_of
from txregistry.api.responses import empty_response, text_field
from txregistry.api.urls import URLs
from txregistry.auth.ownership import owned
from txregistry.http.headers import Field
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.oci.digest import CANONICAL_ALGORITHM, Digest
from txregistry.oci.errors import DigestInvalid, SizeInvalid, UploadBusy, UploadOutOfOrder
from txregistry.oci.names import RepositoryName, UploadId
from txregistry.oci.ranges import parse_content_range
from txregistry.registry.blobs import RepositoryBlobs
from txregistry.registry.uploads import Uploads


class UploadHandlers:
    """end-4 to end-6, end-11, end-13 and end-14."""

    def __init__(self, uploads: Uploads, blobs: RepositoryBlobs, urls: URLs) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._urls = urls

    async def start(self, request: Request, name: RepositoryName) -> Response:
        """Mount a blob of another repository, take one whole, or begin a session."""
        arguments = request.arguments()
        mount = arguments.get("mount")
        if mount:
            digest = Digest.parse(mount[0])
            source = arguments.get("from")
            origin = RepositoryName.parse(source[0]) if source else None
            if _may_mount(request, origin) and await self._blobs.mount(name, digest, origin):
                return self._created(request, name, digest)
        whole = arguments.get("digest")
        # Distribution ignores `digest` here, so there are clients that send it and no bytes.
        if whole and request.body.length != 0:
            digest = Digest.parse(whole[0])
            upload = await self._uploads.start(name, digest.algorithm, _fresh_id(request))
            await self._uploads.finish(name, upload, request.body, None, digest)
            return self._created(request, name, digest)
        algorithm = arguments.get("digest-algorithm", [CANONICAL_ALGORITHM])[0]
        upload = await self._uploads.start(name, algorithm, _fresh_id(request))
        return empty_response(202, self._described(request, name, upload, 0))

    async def status(self, request: Request, name: RepositoryName, upload: UploadId) -> Response:
        """Where the upload stands."""
        offset = await self._uploads.offset(name, upload)
        return empty_response(204, self._described(request, name, upload, offset))

    async def append(self, request: Request, name: RepositoryName, upload: UploadId) -> Response:
        """A chunk, or the whole as a stream."""
        try:
            offset = await self._uploads.append(name, upload, request.body, _first_byte(request))
        except (UploadOutOfOrder, UploadBusy) as error:
            return self._refused(request, name, upload, error)
        return empty_response(202, self._described(request, name, upload, offset))

    async def finish(self, request: Request, name: RepositoryName, upload: UploadId) -> Response:
        """The last chunk, if any, and the digest of the whole."""
        arguments = request.arguments().get("digest")
        if not arguments:
            raise DigestInvalid("", "the parameter is missing")
        digest = Digest.parse(arguments[0])
        try:
            await self._uploads.finish(name, upload, request.body, _first_byte(request), digest)
        except (UploadOutOfOrder, UploadBusy) as error:
            return self._refused(request, name, upload, error)
        return self._created(request, name, digest)

    async def cancel(self, _request: Request, name: RepositoryName, upload: UploadId) -> Response:
        """The session and its bytes are gone."""
        await self._uploads.cancel(name, upload)
        return empty_response(204)

    def _created(self, request: Request, name: RepositoryName, digest: Digest) -> Response:
        location = (b"Location", self._urls.blob(request, name, digest))
        return empty_response(201, (location, text_field(b"Docker-Content-Digest", digest)))

    def _refused(
        self, request: Request, name: RepositoryName, upload: UploadId, error: UploadOutOfOrder | UploadBusy
    ) -> Response:
        return error_response(error, self._described(request, name, upload, error.offset))

    def _described(self, request: Request, name: RepositoryName, upload: UploadId, offset: int) -> tuple[Field, ...]:
        return (
            (b"Location", self._urls.upload(request, name, upload)),
            # Docker wants an end that is not below the start, so an empty upload looks as one of a single byte does.
            text_field(b"Range", f"0-{max(offset - 1, 0)}"),
            text_field(b"Docker-Upload-UUID", upload),
        )


def _may_mount(request: Request, source: RepositoryName | None) -> bool:
    """Whether the client may read the source; without one, whether it may read everything.

    Otherwise whoever knows a digest could read a blob of any repository (CVE-2024-39897).
    """
    grant = grant_of(request)
    if grant is None:
        return True
    return grant.is_unlimited if source is None else grant.may_pull(source.text)


def _fresh_id(request: Request) -> UploadId | None:
    """One that tells whose the session is, where there is a door; it lets in nobody else to it."""
    grant = grant_of(request)
    return None if grant is None else owned(UploadId.new(), grant.user)


def _first_byte(request: Request) -> int | None:
    """Where the client says that the chunk begins; raise `ContentRangeInvalid`, `SizeInvalid`."""
    header = request.headers.text(b"content-range")
    if header is None:
        return None
    first, last = parse_content_range(header)
    length = request.body.length
    if length is not None and length != last - first + 1:
        raise SizeInvalid(last - first + 1, length)
    return first
