"""If-None-Match and If-Range: whether the client's copy is still right (RFC 9110 §13.1)."""

from __future__ import annotations

from txregistry.http.headers import Field, Headers
from txregistry.oci.digest import Digest


def etag(digest: Digest) -> Field:
    """The strong validator of content that is addressed by its digest."""
    return b"ETag", f'"{digest}"'.encode("ascii")


def is_unchanged(headers: Headers, digest: Digest) -> bool:
    """Whether If-None-Match names the digest, quoted, weak or bare as some clients send it."""
    values = headers.all(b"if-none-match")
    if not values:
        return False
    wanted = str(digest)
    for value in values:
        for candidate in value.decode("latin-1").split(","):
            text = candidate.strip()
            if text == "*" or text.removeprefix("W/").strip('"') == wanted:
                return True
    return False


def range_applies(headers: Headers, digest: Digest) -> bool:
    """Whether a Range is to be honoured: without If-Range, or when that names the content, strongly."""
    condition = headers.text(b"if-range")
    return condition is None or condition.strip() == f'"{digest}"'
