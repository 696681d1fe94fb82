"""An answer as a value."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

from txregistry.http.headers import Field
from txregistry.http.sources import IBodySource


@frozen
class Response:
    """Status, header fields and a body of bytes or of a source.

    `Content-Length`, `Date`, `Connection` and `Transfer-Encoding` are the connection's alone. The body of an answer to
    HEAD is dropped and its source closed; its length is told all the same. `length` is that of a body which is left out
    because nobody gets it.
    """

    status: int
    headers: Sequence[Field] = ()
    body: bytes | IBodySource = field(default=b"")
    length: int | None = None
