"""What a response body that is no plain bytes has to offer."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from zope.interface import Attribute, Interface


class IBodySource(Interface):
    """The bytes of a response body, written when the connection is ready for them."""

    length = Attribute("How many bytes will be written: exactly this many, or the connection is aborted.")

    def start(consumer: IConsumer) -> Deferred[None]:
        """Register a push producer with the consumer and write.

        Fires when all bytes are written; the producer is unregistered by then. Fails when they cannot be had, and then
        the connection is aborted. Called at most once. `write` may call `pauseProducing`, `resumeProducing` and
        `stopProducing` synchronously.
        """

    def close() -> None:
        """Let go of what is open. Called exactly once, after the last byte, a loss, or without any `start`."""


class IFileBody(IBodySource):
    """A body that is a range of an open regular file; a plain connection sends what is in memory with sendfile(2)."""

    first = Attribute("Offset in the file of the body's first byte.")

    def fileno() -> int:
        """The open descriptor."""

    def resident(offset: int, count: int) -> bool:
        """Whether these bytes of the file seem to be in memory, so that sendfile would hardly wait for the disk."""

    def read(offset: int, count: int) -> bytes | Deferred[bytes]:
        """Some bytes of the file from there, at most so many, none only at its end; never waits for the disk."""
