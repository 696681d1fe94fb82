"""One connection: requests in, answers out in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.http.body import RequestBody
from txregistry.http.client import Client, client_of
from txregistry.http.deadlines import Deadlines, Phase
from txregistry.http.encoding import CONTINUE, encode_head
from txregistry.http.errors import BadMessage, BodyAborted
from txregistry.http.exchange import Exchange
from txregistry.http.failures import failure
from txregistry.http.interfaces import IBodySource, IFileBody
from txregistry.http.parsing import RequestParser
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.sending import FileSending, IConnectionTransport, Sending, SourceSending
from txregistry.http.settled import settled

if TYPE_CHECKING:
    from txregistry.http.server import HTTPFactory

# While a request waits for its answer, so much of what follows it is taken in.
HIGH_WATER = 64 * 1024
# An unread rest of a body is swallowed to save the connection if it is no longer than this.
SWALLOWED = 64 * 1024
# After so many requests in one turn of the reactor the other connections get theirs.
REQUESTS_PER_TURN = 32

_log = Logger()


@implementer(IHalfCloseableProtocol, IPushProducer)
class HTTPConnection(Protocol):
    """Parses what arrives, starts a handler for one request at a time, and sends what it answers.

    It is the transport's producer from beginning to end, so it knows whether the transport has room (`_congested`), and
    an exchange is over when the last byte has left for the kernel.
    """

    factory: HTTPFactory
    transport: IConnectionTransport

    def __init__(self, factory: HTTPFactory) -> None:
        self.factory = factory
        self._application = factory.application
        self._clock = factory.clock
        self._deadlines = Deadlines(factory.limits)
        self._parser = RequestParser(factory.limits, factory.clock.seconds, Client())
        # Received bytes that are not parsed yet, and from where on.
        self._pending = b""
        self._offset = 0
        # The exchange under way: its request, the handler that is waited for, the answer's status and body.
        self._request: Request | None = None
        self._handling: Deferred[Response] | None = None
        self._sending: Sending | None = None
        self._status = 0
        self._sent = 0
        # Whether another request may be served after this one; once it may not, it never may.
        self._keep = True
        self._exchanges = 0
        self._congested = False
        self._reading = True
        self._pumping = False
        self._turn: IDelayedCall | None = None
        self._lingering = False
        self._discarded = 0
        self._half_closed = False
        self._lost = False

    # From the transport.

    def connectionMade(self) -> None:
        """See `IProtocol`."""
        self._parser.client = client_of(self.transport)
        self.transport.registerProducer(self, True)
        self.factory.connected(self)

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        if self._lingering:
            self._discard(len(data))
            return
        if self._offset < len(self._pending):
            self._pending = self._pending[self._offset :] + data
        else:
            self._pending = data
        self._offset = 0
        self._pump()

    def readConnectionLost(self) -> None:
        """The client sends no more. It may still wait for answers (RFC 9112 §9.6 has it so for us)."""
        self._half_closed = True
        if self._lingering or (self._request is None and not self._parser.requests):
            self._close()
        elif self._request is not None:
            self._request.body.abort()

    def writeConnectionLost(self) -> None:
        """Our half is closed, as we asked."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self._lost = True
        self._pending = b""
        self._parser.requests.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self.factory.disconnected(self)
        if self._request is not None:
            self._client_left(self._request)

    def pauseProducing(self) -> None:
        """The transport is full."""
        self._congested = True
        if self._sending is not None:
            self._sending.pause()

    def resumeProducing(self) -> None:
        """The transport has sent all it had."""
        self._congested = False
        if self._sending is not None:
            self._sending.resume()
        elif self._status:
            self._exchange_over()

    def stopProducing(self) -> None:
        """The transport is lost; `connectionLost` says so too."""

    # From the request's body.

    def body_wanted(self) -> None:
        """See `body.Flow`."""
        request = self._request
        if request is not None and request.body.expects_continue:
            request.body.expects_continue = False
            # RFC 9110 §10.1.1: a server may leave it out once it has received some of the content.
            if not request.body.received and not self._status:
                self.transport.write(CONTINUE)

    def body_flow_changed(self) -> None:
        """See `body.Flow`."""
        self._pump()

    # From the factory.

    def second_passed(self) -> None:
        """Look whether the client has had time enough; the factory calls this once a second."""
        phase = self._phase()
        progress = self._sent + (0 if self._sending is None else self._sending.sent)
        if phase is Phase.RECEIVING and self._parser.body is not None:
            progress = self._parser.body.received
        if self._deadlines.expired(phase, self._exchanges, progress):
            self._time_is_up(phase)

    def drain(self) -> None:
        """Serve what has begun, then close."""
        self._keep = False
        if self._request is None and not self._parser.in_head and not self._parser.requests:
            self._close()

    def abort(self) -> None:
        """Close without regard to what is under way."""
        self.transport.abortConnection()

    # Inside: what comes in.

    def _pump(self) -> None:
        """Go on with whatever can go on; called after every event, and does nothing within itself."""
        if self._pumping or self._lost or self._turn is not None:
            return
        self._pumping = True
        started = 0
        try:
            while not (self._lost or self._lingering):
                if self._request is not None or self._status:
                    if not self._take_body():
                        break
                elif not self._keep:
                    break
                elif self._parser.requests:
                    if started == REQUESTS_PER_TURN:
                        self._turn = self._clock.callLater(0, self._next_turn)
                        break
                    started += 1
                    self._begin(self._parser.requests.popleft())
                elif self._parser.problem is not None:
                    self._refuse(self._parser.problem)
                elif self._offset < len(self._pending):
                    self._offset = self._parser.feed(self._pending, self._offset)
                else:
                    if self._half_closed:
                        self._close()
                    break
        finally:
            self._pumping = False
        self._regulate()

    def _next_turn(self) -> None:
        self._turn = None
        self._pump()

    def _take_body(self) -> bool:
        """Parse some of the body of the request under way, if it wants any; whether there was some."""
        body = self._parser.body
        parser = self._parser
        if body is None or self._request is None or body is not self._request.body:
            return False
        if self._offset == len(self._pending) or not body.hungry or parser.problem is not None:
            return False
        self._offset = parser.feed(self._pending, self._offset)
        body.deliver()
        if parser.problem is not None:
            body.abort()
        return True

    def _regulate(self) -> None:
        """Read from the socket, or do not, as there is room for what comes."""
        body = self._parser.body
        wanted = len(self._pending) - self._offset < HIGH_WATER and (body is None or body.hungry)
        if self._offset == len(self._pending):
            self._pending, self._offset = b"", 0
        if wanted is not self._reading and not self._half_closed and not self._lost:
            self._reading = wanted
            if wanted:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    # Inside: what goes out.

    def _begin(self, request: Request) -> None:
        self._request = request
        self._exchanges += 1
        if not request.keep_alive:
            self._keep = False
        if not request.body.complete:
            request.body.attach(self)
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

    def _handled(self, response: Response) -> None:
        self._handling = None
        if self._lost:
            release(response)
        else:
            self._respond(response)

    def _failed(self, problem: Failure) -> None:
        self._handling = None
        expected = isinstance(problem.value, CancelledError | BodyAborted)
        if not expected:
            _log.failure("handler failed", problem)
        if self._lost:
            return
        if expected and self._half_closed:
            self._status = 499
            self._keep = False
            self._exchange_over()
        elif expected:
            self._refuse(self._parser.problem or BadMessage(400, "the body was cut short"))
        else:
            self._refuse(BadMessage(500, "the server failed to answer this request"))

    def _refuse(self, problem: BadMessage) -> None:
        if problem.status != 500:
            self._keep = False
        try:
            response = self._application.refused(problem)
        except Exception:
            _log.failure("a refusal could not be made", status=problem.status)
            response = Response(problem.status)
        self._respond(response)

    def _respond(self, response: Response) -> None:
        request = self._request
        if request is not None and not request.body.complete:
            self._give_up_body(request.body)
        try:
            head, bodiless = self._encode(response)
        except Exception:
            _log.failure("an answer cannot be sent")
            release(response)
            response = Response(500)
            head, bodiless = self._encode(response)
        self._status = response.status
        body = response.body
        if isinstance(body, bytes):
            if body and not bodiless:
                self._sent = len(body)
                head += body
            self.transport.write(head)
        elif bodiless:
            release(response)
            self.transport.write(head)
        else:
            self.transport.write(head)
            if IFileBody.providedBy(body):
                self._sending = FileSending(body, self.transport, self._clock, self._sending_ended)
            else:
                self._sending = SourceSending(body, self.transport, self._sending_ended)
            if self._congested:
                self._sending.pause()
            self._sending.start()
            return
        if not self._congested:
            self._exchange_over()

    def _encode(self, response: Response) -> tuple[bytes, bool]:
        request, body = self._request, response.body
        bodiless = response.status in (204, 304) or (request is not None and request.method == "HEAD")
        length = len(body) if isinstance(body, bytes) else body.length
        field = b""
        if not self._keep:
            field = b"Connection: close\r\n"
        elif request is not None and request.version == "1.0":
            field = b"Connection: keep-alive\r\n"
        return encode_head(response, length, bodiless, field, self._clock.seconds()), bodiless

    def _give_up_body(self, body: RequestBody) -> None:
        """The answer comes before the body has: swallow a short rest, else the connection ends with the answer."""
        body.discard()
        while self._take_body():
            pass
        if body.complete:
            return
        rest = SWALLOWED + 1 if body.length is None else body.length - body.received
        if rest > SWALLOWED or body.expects_continue or self._parser.problem is not None:
            self._keep = False

    def _sending_ended(self, problem: Failure | None) -> None:
        if self._sending is not None:
            self._sent = self._sending.sent
            self._sending = None
        if problem is not None:
            _log.failure("the body of an answer could not be sent", problem)
            self.abort()
        elif not self._congested:
            self._exchange_over()

    def _exchange_over(self) -> None:
        request = self._request
        self._report()
        if self._keep:
            self._pump()
        elif request is None or not request.body.complete or self._offset < len(self._pending):
            self._linger()
        else:
            self._close()

    def _report(self) -> None:
        """The exchange is over, one way or another: tell the application."""
        request, status, sent = self._request, self._status or 499, self._sent
        self._request, self._status, self._sent = None, 0, 0
        if request is None:
            exchange = Exchange(None, status, 0, sent, 0.0, self._parser.client.peer)
        else:
            duration = max(0.0, self._clock.seconds() - request.received_at)
            exchange = Exchange(request, status, request.body.received, sent, duration, request.peer)
        try:
            self._application.finished(exchange)
        except Exception:
            _log.failure("an exchange could not be reported")

    # Inside: the end.

    def _client_left(self, request: Request) -> None:
        # Whoever reads the body learns of it by `BodyAborted`, after all that came; others are cancelled.
        reads = request.body.claimed
        request.body.abort()
        if self._sending is not None:
            self._sent = self._sending.sent
            self._sending.stop()
            self._sending = None
        if self._handling is not None and not reads:
            self._handling.cancel()
        self._report()

    def _close(self) -> None:
        self._keep = False
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _linger(self) -> None:
        """Close our half and let the client say what it still has to: a plain close would reset the connection, and the
        client could lose the answer with it."""
        self._lingering = True
        self._pending, self._offset = b"", 0
        if self._half_closed:
            self._close()
            return
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()
        if not self._reading:
            self._reading = True
            self.transport.resumeProducing()

    def _discard(self, count: int) -> None:
        self._discarded += count
        if self._discarded > self.factory.limits.linger_bytes:
            self.abort()

    def _phase(self) -> Phase:
        request, parser = self._request, self._parser
        if self._lingering:
            return Phase.LINGERING
        if self._status:
            return Phase.SENDING if self._congested else Phase.WORKING
        if request is not None:
            if self._half_closed and not request.body.claimed:
                return Phase.LEFT
            receiving = parser.body is request.body and request.body.wanted and self._offset == len(self._pending)
            return Phase.RECEIVING if receiving else Phase.WORKING
        if parser.body is not None:
            return Phase.RECEIVING
        return Phase.HEAD if parser.in_head or not self._exchanges else Phase.IDLE

    def _time_is_up(self, phase: Phase) -> None:
        parser = self._parser
        if phase is Phase.IDLE or (phase is Phase.HEAD and not parser.in_head):
            self._close()
        elif phase is Phase.HEAD:
            parser.problem = BadMessage(408, "the head of the request took too long")
            self._pump()
        elif phase is Phase.RECEIVING and self._request is not None:
            parser.problem = BadMessage(408, "the body of the request comes too slowly")
            self._request.body.abort()
        elif phase is Phase.LEFT and self._handling is not None:
            self._handling.cancel()
        else:
            self.abort()


def release(response: object) -> None:
    """Close the source of a response that is not sent."""
    body = getattr(response, "body", None)
    if IBodySource.providedBy(body):
        body.close()
