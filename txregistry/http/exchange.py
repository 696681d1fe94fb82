"""One request and what became of it, for logs and metrics."""

from __future__ import annotations

from typing import NamedTuple

from txregistry.http.request import Request


class Exchange(NamedTuple):
    """`status` is 499 when the client left before an answer; `request` is None when none could be parsed.

    `received` and `sent` count body bytes; `duration` is in seconds, from the complete head to the last byte.
    """

    request: Request | None
    status: int
    received: int
    sent: int
    duration: float
    peer: str
