"""From a response to the bytes of its head."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from txregistry.http.errors import BadResponse
from txregistry.http.headers import Field
from txregistry.http.response import Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus}
_OWN_FIELDS = frozenset((b"content-length", b"date", b"connection", b"transfer-encoding"))


def has_no_body(status: int) -> bool:
    """Whether an answer of this status ends with its head, whatever its fields say (RFC 9112 §6.3)."""
    return status == 204 or status == 304


def encode_head(response: Response, length: int, connection: bytes, now: float) -> bytes:
    """The head, with its empty line.

    `length` is what Content-Length says; `connection` are whole lines that stand before the response's own; `now` is
    the time for `Date`. Raise `BadResponse` for what would break the framing.
    """
    status = response.status
    if not 200 <= status <= 999:
        raise BadResponse(f"status {status} is no final answer")
    parts = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status, _date_line(int(now)), connection]
    parts += map(_line, response.headers)
    # RFC 9110 §8.6: no Content-Length in a 204; in a 304 only that of the answer it stands for.
    parts.append(b"\r\n" if has_no_body(status) else b"Content-Length: %d\r\n\r\n" % length)
    return b"".join(parts)


def encode_fields(fields: Iterable[Field]) -> bytes:
    """Whole lines of the fields. Raise `BadResponse` for what would break the framing."""
    return b"".join(map(_line, fields))


# Most fields of an answer are those of another one.
@lru_cache(maxsize=512)
def _line(field: Field) -> bytes:
    name = field[0]
    if name.lower() in _OWN_FIELDS:
        raise BadResponse(f"the field {name!r} belongs to the connection")
    line = b"%b: %b\r\n" % field
    # It ends once, and so has not smuggled in another field, or the end of the head.
    if line.count(b"\n") != 1 or line.count(b"\r") != 1 or b"\0" in line:
        raise BadResponse(f"the field {name!r} has a line break or a NUL")
    return line


@lru_cache(maxsize=2)
def _date_line(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")
