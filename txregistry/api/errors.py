"""What each exception means in HTTP: the one table of statuses, codes and wordings.

Codes are the specification's (distribution-spec, "Error Codes") and, for compatibility, Distribution's own beside
them. Every 4xx and 5xx has the JSON body of the specification, those of the router and the parser included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen
from twisted.logger import Logger
from werkzeug.exceptions import MethodNotAllowed, NotFound

from txregistry.api.responses import json_response, text_field
from txregistry.auth import errors as auth
from txregistry.auth.interfaces import Need
from txregistry.http.errors import BadMessage, BodyAborted, BodyTooLarge
from txregistry.http.headers import Field
from txregistry.http.response import Response
from txregistry.oci import errors as oci
from txregistry.oci.digest import Digest
from txregistry.oci.ranges import format_content_range
from txregistry.storage.errors import StorageFailure

_log = Logger()


@frozen
class Row:
    """How one class of exception is told; `detail` and `headers` are made from the exception."""

    status: int
    code: str
    message: str | Callable[[Any], str]
    detail: Callable[[Any], object] = lambda error: None
    headers: Callable[[Any], Sequence[Field]] = lambda error: ()


def _manifest_detail(error: oci.ManifestUnknown) -> dict[str, str]:
    if isinstance(error.reference, Digest):
        return {"Name": str(error.repository), "Revision": str(error.reference)}
    return {"Tag": str(error.reference)}


def _needs_detail(error: auth.AuthenticationRequired | auth.AccessDenied) -> list[dict[str, str]]:
    return [_described(need, action) for need in error.needs for action in need.actions]


def _described(need: Need, action: str) -> dict[str, str]:
    return {"Type": need.kind, "Class": "", "Name": need.name, "Action": action}


TABLE: Mapping[type[Exception], Row] = {
    oci.NameInvalid: Row(400, "NAME_INVALID", "invalid repository name", lambda e: {"name": e.name}),
    oci.TagInvalid: Row(400, "TAG_INVALID", "invalid tag", lambda e: {"tag": e.tag}),
    oci.TagExists: Row(
        403, "DENIED", "the tag exists and must not be moved", lambda e: {"Name": str(e.repository), "Tag": str(e.tag)}
    ),
    oci.DigestInvalid: Row(
        400, "DIGEST_INVALID", lambda e: f"invalid digest: {e.reason}", lambda e: {"digest": e.digest}
    ),
    oci.RangeInvalid: Row(
        416,
        "RANGE_INVALID",
        "the range cannot be satisfied",
        lambda e: {"size": e.size},
        lambda e: (text_field(b"Content-Range", format_content_range(None, e.size)),),
    ),
    oci.ContentRangeInvalid: Row(400, "RANGE_INVALID", "invalid Content-Range", lambda e: {"range": e.value}),
    oci.SizeInvalid: Row(
        400,
        "SIZE_INVALID",
        "the length does not match the range",
        lambda e: {"declared": e.declared, "received": e.received},
    ),
    oci.ManifestInvalid: Row(400, "MANIFEST_INVALID", lambda e: f"manifest invalid: {e.reason}"),
    oci.ManifestTooLarge: Row(413, "MANIFEST_INVALID", lambda e: f"manifest larger than {e.limit} bytes"),
    oci.ManifestUnknown: Row(404, "MANIFEST_UNKNOWN", "manifest unknown", _manifest_detail),
    oci.ManifestReferencesUnknown: Row(
        400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", lambda e: [str(digest) for digest in e.digests]
    ),
    oci.BlobUnknown: Row(404, "BLOB_UNKNOWN", "blob unknown to registry", lambda e: str(e.digest)),
    oci.RepositoryUnknown: Row(
        404, "NAME_UNKNOWN", "repository name not known to registry", lambda e: {"name": str(e.repository)}
    ),
    oci.UploadUnknown: Row(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
    oci.UploadIdInvalid: Row(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
    oci.UploadOutOfOrder: Row(
        416, "RANGE_INVALID", lambda e: f"the upload goes on at offset {e.offset}", lambda e: {"offset": e.offset}
    ),
    oci.UploadBusy: Row(
        416,
        "RANGE_INVALID",
        lambda e: f"another request writes to this upload, which stands at offset {e.offset}",
        lambda e: {"offset": e.offset},
    ),
    oci.Unsupported: Row(405, "UNSUPPORTED", lambda e: e.reason),
    oci.PaginationInvalid: Row(
        400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested", lambda e: {"n": e.value}
    ),
    auth.AuthenticationRequired: Row(
        401,
        "UNAUTHORIZED",
        "authentication required",
        _needs_detail,
        lambda e: ((b"WWW-Authenticate", e.challenge.encode("utf-8")),),
    ),
    auth.AccessDenied: Row(403, "DENIED", "requested access to the resource is denied", _needs_detail),
    auth.BadTokenRequest: Row(400, "UNSUPPORTED", lambda e: e.reason),
    auth.SignInUnavailable: Row(
        503,
        "UNAVAILABLE",
        "nobody can sign in at the moment",
        headers=lambda e: (text_field(b"Retry-After", 5),),
    ),
    auth.TooManyAttempts: Row(
        429,
        "TOOMANYREQUESTS",
        "too many failed attempts to sign in",
        headers=lambda e: (text_field(b"Retry-After", e.retry_after),),
    ),
    StorageFailure: Row(500, "UNKNOWN", "the storage cannot serve this now"),
    NotFound: Row(404, "UNSUPPORTED", "no such endpoint"),
    MethodNotAllowed: Row(
        405,
        "UNSUPPORTED",
        "the method is not allowed here",
        headers=lambda e: (text_field(b"Allow", ", ".join(sorted(e.valid_methods or ()))),),
    ),
    BodyTooLarge: Row(413, "SIZE_INVALID", "the body is too large"),
    BodyAborted: Row(400, "SIZE_INVALID", "the body ended early"),
}

# What the parser, the router and the limits refuse has no code of its own in the specification.
_CODES_BY_STATUS = {401: "UNAUTHORIZED", 403: "DENIED", 429: "TOOMANYREQUESTS", 500: "UNKNOWN", 503: "UNAVAILABLE"}
_STORAGE_FULL = Row(507, "UNKNOWN", "the storage is full")
_DEFECT = Row(500, "UNKNOWN", "internal error")


def error_response(error: Exception, headers: Sequence[Field] = ()) -> Response:
    """The answer to an exception.

    What the table does not name is a defect: logged, and told as 500 without a word of it.
    """
    if isinstance(error, BadMessage):
        code = _CODES_BY_STATUS.get(error.status, "UNSUPPORTED")
        return _answer(error, Row(error.status, code, error.reason), headers)
    row = TABLE.get(type(error))
    if row is None:
        _log.failure("request failed")
        row = _DEFECT
    elif isinstance(error, StorageFailure):
        _log.error("storage failed", path=error.path, reason=error.reason)
        if error.out_of_space:
            row = _STORAGE_FULL
    return _answer(error, row, headers)


def _answer(error: Exception, row: Row, headers: Sequence[Field]) -> Response:
    message = row.message if isinstance(row.message, str) else row.message(error)
    entry = {"code": row.code, "message": message, "detail": row.detail(error)}
    return json_response(row.status, {"errors": [entry]}, (*row.headers(error), *headers))
