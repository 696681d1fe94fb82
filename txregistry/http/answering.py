"""One exchange at a time: from a request to the last byte of its answer."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txregistry.http.body import RequestBody
from txregistry.http.encoding import encode_fields, encode_head, has_no_body
from txregistry.http.errors import BadMessage, BadResponse, BodyAborted
from txregistry.http.exchange import Exchange
from txregistry.http.failures import failure
from txregistry.http.interfaces import IApplication
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.sending import FileSending, Sending, SourceSending
from txregistry.http.settled import settled
from txregistry.http.sources import IBodySource, IFileBody
from txregistry.http.wires import IConnectionTransport

_log = Logger()

# What is told of an exchange whose client left before an answer.
CLIENT_LEFT = 499


class Line(Protocol):
    """What an exchange asks of the connection it is on.

    `keep` says whether the connection serves another request after this one; once false, it stays so. `half_closed`
    says that the client sends no more.
    """

    keep: bool
    half_closed: bool
    transport: IConnectionTransport

    @property
    def problem(self) -> BadMessage | None:
        """What is wrong with the bytes that have come, if anything is."""

    @property
    def peer(self) -> str:
        """The client's address as text."""

    def give_up_body(self, body: RequestBody) -> None:
        """The answer comes before the body has: take in the rest, or do not keep the connection."""

    def exchange_over(self, body: RequestBody | None) -> None:
        """The last byte has left: go on, or close."""

    def abort(self) -> None:
        """Close without regard to what is under way."""


class Answering:
    """Calls the application, sends what it answers, and reports when that is over.

    A connection has one, and uses it for one request after another. `request` is the one under way, None between two
    and during the refusal of something that never became one; `status` is that of the answer, 0 before it is begun.
    """

    __slots__ = (
        "_application",
        "_clock",
        "_fixed",
        "_handling",
        "_line",
        "_sending",
        "_sent",
        "congested",
        "request",
        "status",
    )

    def __init__(self, application: IApplication, clock: IReactorTime, line: Line) -> None:
        self.request: Request | None = None
        self.status = 0
        # The transport holds bytes that the kernel has not taken.
        self.congested = False
        self._application = application
        self._fixed = encode_fields(application.headers)
        self._clock = clock
        self._line = line
        self._handling: Deferred[Response] | None = None
        self._sending: Sending | None = None
        self._sent = 0

    @property
    def busy(self) -> bool:
        """Whether an exchange is under way."""
        return self.request is not None or self.status != 0

    @property
    def waiting(self) -> bool:
        """Whether a handler has been started and has not answered."""
        return self._handling is not None

    @property
    def sent(self) -> int:
        """How many bytes of the body the transport has got."""
        return self._sent if self._sending is None else self._sending.sent

    def begin(self, request: Request) -> None:
        """Have a request answered; that may be over within this call."""
        self.request = request
        try:
            answer = self._application.handle(request)
        except Exception:
            self._failed(failure())
            return
        outcome = settled(answer) if isinstance(answer, Deferred) else answer
        if isinstance(outcome, Deferred):
            self._handling = outcome
            outcome.addCallbacks(self._handled, self._failed)
        elif isinstance(outcome, Failure):
            self._failed(outcome)
        else:
            self._respond(outcome)

    def refuse(self, problem: BadMessage) -> None:
        """Answer with a refusal, whether or not there is a request."""
        try:
            response = self._application.refused(problem)
        except Exception:
            _log.failure("a refusal could not be made", status=problem.status)
            response = Response(problem.status)
        self._respond(response)

    def cancel(self) -> None:
        """Stop a handler that is waited for; it may still answer."""
        if self._handling is not None:
            self._handling.cancel()

    def pause(self) -> None:
        """The transport is full."""
        self.congested = True
        if self._sending is not None:
            self._sending.pause()

    def resume(self) -> None:
        """The transport has sent all it had."""
        self.congested = False
        if self._sending is not None:
            self._sending.resume()
        elif self.status:
            self._over()

    def client_left(self) -> None:
        """The connection is lost: let go of everything, and report the exchange."""
        request, status = self.request, self.status or CLIENT_LEFT
        self.request, self.status = None, 0
        if request is not None:
            # Whoever reads the body learns of it by `BodyAborted`, after all that came; others are cancelled.
            reads = request.body.claimed
            request.body.abort()
            if not reads:
                self.cancel()
        if self._sending is not None:
            self._sent = self._sending.sent
            self._sending.stop()
            self._sending = None
        self._report(request, status)

    def _handled(self, response: Response) -> None:
        self._handling = None
        if self.request is None:
            release(response)  # The client has left.
        else:
            self._respond(response)

    def _failed(self, problem: Failure) -> None:
        self._handling = None
        value, line = problem.value, self._line
        # Whoever is still there was not cancelled by us.
        left = self.request is None or line.half_closed
        if not (isinstance(value, BodyAborted | BadMessage) or (left and isinstance(value, CancelledError))):
            _log.failure("handler failed", problem)
            value = BadMessage(500, "the server failed to answer this request")
        if self.request is None:
            return  # The client has left.
        if isinstance(value, BadMessage):
            self.refuse(value)
        elif line.half_closed:
            line.keep = False
            self.status = CLIENT_LEFT
            self._over()
        else:
            line.keep = False
            self.refuse(line.problem or BadMessage(400, "the body was cut short"))

    def _respond(self, response: Response) -> None:
        request, transport = self.request, self._line.transport
        if request is not None and not request.body.complete:
            self._line.give_up_body(request.body)
        try:
            bodiless = has_no_body(response.status) or (request is not None and request.method == "HEAD")
            if response.length is not None and not bodiless:
                raise BadResponse("a body was left out that the client waits for")
            head = self._head(response)
        except Exception:
            _log.failure("an answer cannot be sent")
            release(response)
            response, bodiless = Response(500), False
            head = self._head(response)
        self.status = response.status
        body = response.body
        if isinstance(body, bytes):
            if body and not bodiless:
                self._sent = len(body)
                head += body
            transport.write(head)
        elif bodiless:
            body.close()
            transport.write(head)
        else:
            self._send(head, body)
            return
        if not self.congested:
            self._over()

    def _head(self, response: Response) -> bytes:
        request, body, length = self.request, response.body, response.length
        if length is None:
            length = len(body) if isinstance(body, bytes) else body.length
        lines = self._fixed
        if not self._line.keep:
            lines = b"Connection: close\r\n" + lines
        elif request is not None and request.version == "1.0":
            lines = b"Connection: keep-alive\r\n" + lines
        return encode_head(response, length, lines, self._clock.seconds())

    def _send(self, head: bytes, body: IBodySource) -> None:
        transport = self._line.transport
        if IFileBody.providedBy(body):
            self._sending = FileSending(head, body, transport, self._clock, self._sending_ended)
        else:
            self._sending = SourceSending(head, body, transport, self._sending_ended)
        if self.congested:
            self._sending.pause()
        self._sending.start()

    def _sending_ended(self, problem: Failure | None) -> None:
        if self._sending is not None:
            self._sent = self._sending.sent
            self._sending = None
        if problem is not None:
            _log.failure("the body of an answer could not be sent", problem)
            self._line.abort()
        elif not self.congested:
            self._over()

    def _over(self) -> None:
        request, status = self.request, self.status
        self.request, self.status = None, 0
        self._report(request, status)
        self._line.exchange_over(None if request is None else request.body)

    def _report(self, request: Request | None, status: int) -> None:
        sent, self._sent = self._sent, 0
        if request is None:
            exchange = Exchange(None, status, 0, sent, 0.0, self._line.peer)
        else:
            duration = max(0.0, self._clock.seconds() - request.received_at)
            exchange = Exchange(request, status, request.body.received, sent, duration, request.peer)
        try:
            self._application.finished(exchange)
        except Exception:
            _log.failure("an exchange could not be reported")


def release(response: object) -> None:
    """Close the source of a response that is not sent."""
    body = getattr(response, "body", None)
    if IBodySource.providedBy(body):
        body.close()
