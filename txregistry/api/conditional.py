"""If-None-Match and If-Range: whether the client's copy is still right (RFC 9110 §13.1)."""

from __future__ import annotations

from functools import lru_cache

from txregistry.http.headers import Field, Headers
from txregistry.oci.digest import Digest


@lru_cache(maxsize=1024)
def digest_fields(digest: Digest) -> tuple[Field, Field]:
    """The digest, and the strong validator that it is (RFC 9110 §8.8.3)."""
    text = str(digest).encode("ascii")
    return (b"Docker-Content-Digest", text), (b"ETag", b'"%b"' % text)


def is_unchanged(headers: Headers, digest: Digest) -> bool:
    """Whether If-None-Match names the digest, quoted, weak or bare as some clients send it."""
    if headers.get(b"if-none-match") is None:
        return False
    wanted = str(digest)
    for value in headers.all(b"if-none-match"):
        for candidate in value.decode("latin-1").split(","):
            text = candidate.strip()
            if text == "*" or text.removeprefix("W/").strip('"') == wanted:
                return True
    return False


def range_applies(headers: Headers, digest: Digest) -> bool:
    """Whether a Range is to be honoured: without If-Range, or when that names the content, strongly."""
    condition = headers.text(b"if-range")
    return condition is None or condition.strip() == f'"{digest}"'
