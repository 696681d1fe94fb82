"""What the server asks of an application."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from txregistry.http.errors import BadMessage
from txregistry.http.exchange import Exchange
from txregistry.http.request import Request
from txregistry.http.response import Response


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
