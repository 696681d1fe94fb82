"""From a response to the bytes of its head."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from txregistry.http.errors import BadResponse
from txregistry.http.response import Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus}
_OWN_FIELDS = frozenset((b"date", b"connection", b"transfer-encoding"))


def has_no_body(status: int) -> bool:
    """Whether an answer of this status ends with its head, whatever its fields say (RFC 9112 §6.3)."""
    return status == 204 or status == 304


def encode_head(response: Response, length: int, bodiless: bool, connection: bytes, now: float) -> bytes:
    """The head, with its empty line.

    `length` is that of the response's body; `bodiless` says that it is not sent, because the request was HEAD or by the
    status; `connection` is a whole field line or empty; `now` is the time for `Date`. Raise `BadResponse` for what
    would break the framing.
    """
    status = response.status
    if not 200 <= status <= 999:
        raise BadResponse(f"status {status} is no final answer")
    parts = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status, _date_field(int(now)), connection]
    lines = 3 + bool(connection)
    # RFC 9110 §8.6: no Content-Length in a 204; in a 304 only that of the answer it stands for.
    measured = status == 204
    for name, value in response.headers:
        lowered = name.lower()
        if lowered == b"content-length":
            if status == 204:
                continue
            if value != b"%d" % length and not (bodiless and not length):
                raise BadResponse("the Content-Length is not that of the body")
            measured = True
        elif lowered in _OWN_FIELDS:
            raise BadResponse(f"the field {name!r} belongs to the connection")
        parts += (name, b": ", value, b"\r\n")
        lines += 1
    if not measured and status != 304:
        parts.append(b"Content-Length: %d\r\n" % length)
        lines += 1
    parts.append(b"\r\n")
    head = b"".join(parts)
    # Each line ends once, and nothing else does: no field has smuggled in another, or the end of the head.
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise BadResponse("a header field has a line break or a NUL")
    return head


@lru_cache(maxsize=2)
def _date_field(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")
