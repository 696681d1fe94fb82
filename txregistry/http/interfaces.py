"""What the server asks of an application, and what a response body has to offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from txregistry.http.errors import BadMessage
    from txregistry.http.exchange import Exchange
    from txregistry.http.request import Request
    from txregistry.http.response import Response

__all__ = ["IApplication", "IBodySource", "IFileBody"]


class IApplication(Interface):
    """Answers requests."""

    headers = Attribute("The fields that every answer carries.")

    def handle(request: Request) -> Response | Deferred[Response]:
        """Answer one request; called as soon as its head is complete, before any byte of its body is read.

        The Deferred is cancelled when the client goes away, except while its handler reads the body, which fails with
        `BodyAborted` instead, after all that came. It may fail with these two, with a `BadMessage` (which is answered
        with `refused`), or with a bug (which is logged, and answered with `refused` of a `BadMessage` 500). `100
        Continue` is sent when the body is first read. An answer may be given while the body is still arriving: the rest
        of it is dropped.
        """

    def refused(problem: BadMessage) -> Response:
        """The answer to what never became a request: broken framing, a head that is too large, a deadline missed."""

    def finished(exchange: Exchange) -> None:
        """An exchange is over: its last byte was handed to the kernel, or the connection was lost.

        For logs and metrics; called once for each request that reached `handle` and for each refusal.
        """


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
