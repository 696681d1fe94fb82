"""What can go wrong with a message or a connection."""

from __future__ import annotations

from attrs import frozen


@frozen
class BadMessage(Exception):
    """A request that cannot be served as it stands; the connection closes after the answer if its framing is lost.

    `status` is the HTTP status to answer with, `reason` a sentence for the client.
    """

    status: int
    reason: str


class BodyAborted(Exception):
    """The connection ended, or its framing broke, before the whole body had come."""


class BodyAlreadyRead(Exception):
    """A body has exactly one reader."""


class BodyTooLarge(Exception):
    """The body is longer than its reader is willing to take."""


@frozen
class BadResponse(Exception):
    """An application's answer that must not be sent: a bug there, which the client sees as 500."""

    reason: str


@frozen
class TLSProblem(Exception):
    """TLS cannot be served as configured; `reason` says why in one sentence."""

    reason: str

    def __str__(self) -> str:
        return self.reason
