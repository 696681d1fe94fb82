"""One connection: requests in, answers out in the same order."""

from __future__ import annotations

import typing

from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.http.answering import Answering
from txregistry.http.body import RequestBody
from txregistry.http.client import Client, client_of
from txregistry.http.deadlines import Deadlines, Phase
from txregistry.http.encoding import CONTINUE
from txregistry.http.errors import BadMessage
from txregistry.http.interfaces import IApplication
from txregistry.http.known import KnownHeads
from txregistry.http.limits import Limits
from txregistry.http.parsing import RequestParser
from txregistry.http.wires import IConnectionTransport, IMeasuredTransport, ISecureTransport

# While a request waits for its answer, so much of what follows it is taken in.
HIGH_WATER = 64 * 1024
# An unread rest of a body is swallowed to save the connection if it is no longer than this.
SWALLOWED = 64 * 1024
# After so many requests in one turn of the reactor the other connections get theirs.
REQUESTS_PER_TURN = 32


class Owner(typing.Protocol):
    """What a connection asks of whoever has made it. `draining` says that no further request is wanted."""

    application: IApplication
    clock: IReactorTime
    limits: Limits
    known: KnownHeads
    draining: bool

    def connected(self, connection: HTTPConnection) -> None:
        """It begins."""

    def disconnected(self, connection: HTTPConnection) -> None:
        """It has ended."""


@implementer(IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class HTTPConnection(Protocol):
    """Parses what arrives, and has one request at a time answered.

    It is the transport's producer from beginning to end, so it knows when the transport is full, and that the last byte
    of an answer has left for the kernel.
    """

    transport: IConnectionTransport

    def __init__(self, owner: Owner) -> None:
        self.keep = True
        self.half_closed = False
        self._owner = owner
        self._deadlines = Deadlines(owner.limits)
        self._parser = RequestParser(owner.limits, owner.clock.seconds, Client(), owner.known)
        self._answering = Answering(owner.application, owner.clock, self)
        self._exchanges = 0
        self._reading = True
        self._pumping = False
        self._turn: IDelayedCall | None = None
        # Nothing more is served: the connection closes, at once or after it has discarded what still comes.
        self._closing = False
        self._lingering = False
        self._discarded = 0

    # From the transport.

    def connectionMade(self) -> None:
        """See `IProtocol`."""
        if not ISecureTransport.providedBy(self.transport):
            self.handshakeCompleted()
        self.transport.registerProducer(self, True)
        self._owner.connected(self)

    def handshakeCompleted(self) -> None:
        """See `IHandshakeListener`: the client's certificate is known now."""
        self._parser.client = client_of(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        if self._lingering:
            self._discard(len(data))
            return
        self._parser.add(data)
        self._pump()

    def readConnectionLost(self) -> None:
        """The client sends no more; it may still wait for answers (RFC 9112 §9.6 describes it for servers)."""
        self.half_closed = True
        if self._closing:
            self._close()
            return
        self._pump()

    def writeConnectionLost(self) -> None:
        """Our half is closed, as we asked."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self._closing = True
        self._feed_what_came()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._answering.busy:
            self._answering.client_left()
        # Last, since a drain may end with it: by then everything is reported.
        self._owner.disconnected(self)

    def pauseProducing(self) -> None:
        """The transport is full."""
        self._answering.pause()

    def resumeProducing(self) -> None:
        """The transport has sent all it had."""
        self._answering.resume()

    def stopProducing(self) -> None:
        """The transport is lost; `connectionLost` says so too."""

    # From the body of the request under way.

    def body_wanted(self) -> None:
        """See `body.Flow`."""
        request = self._answering.request
        if request is not None and request.body.expects_continue:
            request.body.expects_continue = False
            # RFC 9110 §10.1.1: a server may leave it out once it has received some of the content.
            if not request.body.received:
                self.transport.write(CONTINUE)

    def body_flow_changed(self) -> None:
        """See `body.Flow`."""
        self._pump()

    # From the exchange under way.

    @property
    def problem(self) -> BadMessage | None:
        """See `answering.Line`."""
        return self._parser.problem

    @property
    def peer(self) -> str:
        """See `answering.Line`."""
        return self._parser.client.peer

    def give_up_body(self, body: RequestBody) -> None:
        """See `answering.Line`."""
        body.discard()
        while self._take_body():
            pass
        if not body.complete:
            rest = SWALLOWED + 1 if body.length is None else body.length - body.received
            if rest > SWALLOWED or body.expects_continue or self.half_closed or self._parser.problem is not None:
                self.keep = False

    def exchange_over(self, body: RequestBody | None) -> None:
        """See `answering.Line`."""
        if self._closing:
            return  # It was aborted meanwhile.
        if self.keep:
            self._pump()
        elif self._parser.closed and body is not None and body.complete and not self._parser.unparsed:
            self._close()  # The client asked for it, and has said all it had to say.
        else:
            self._linger()

    # From the factory.

    def second_passed(self) -> None:
        """Look whether the client has had time enough; the factory calls this once a second."""
        phase = self._phase()
        progress = self._answering.sent
        if phase is Phase.RECEIVING and self._parser.body is not None:
            progress = self._parser.body.received
        elif phase is Phase.SENDING and IMeasuredTransport.providedBy(self.transport):
            progress -= self.transport.unsent
        if self._deadlines.expired(phase, self._exchanges, progress):
            self._time_is_up(phase)

    def drain(self) -> None:
        """Serve what has begun, then close."""
        self.keep = False
        self._pump()

    def abort(self) -> None:
        """Close without regard to what is under way."""
        self._stop_serving()
        self.transport.abortConnection()

    # Inside.

    def _pump(self) -> None:
        """Go on with whatever can go on; called after every event, and does nothing within itself."""
        if self._pumping or self._turn is not None:
            return
        self._pumping = True
        started = 0
        parser, answering = self._parser, self._answering
        try:
            while not self._closing:
                if answering.busy:
                    if not self._take_body():
                        break
                elif parser.requests:
                    if started == REQUESTS_PER_TURN:
                        self._turn = self._owner.clock.callLater(0, self._next_turn)
                        break
                    started += 1
                    self._begin()
                elif parser.problem is not None:
                    self.keep = False
                    answering.refuse(parser.problem)
                elif parser.unparsed:
                    parser.parse()
                else:
                    if self.half_closed or not (self.keep or parser.in_head or parser.body):
                        self._close()
                    break
        finally:
            self._pumping = False
        self._regulate()

    def _next_turn(self) -> None:
        self._turn = None
        self._pump()

    def _begin(self) -> None:
        request = self._parser.requests.popleft()
        self._exchanges += 1
        if not request.keep_alive or self._owner.draining:
            self.keep = False
        if not request.body.complete:
            request.body.attach(self)
        self._answering.begin(request)

    def _take_body(self) -> bool:
        """Parse some of the body of the request under way, if it wants any; whether there was some."""
        parser, request = self._parser, self._answering.request
        body = parser.body
        if body is None or request is None or body is not request.body:
            return False
        if parser.problem is not None or (self.half_closed and not parser.unparsed):
            body.abort()
        elif parser.unparsed and body.hungry:
            parser.parse()
            body.deliver()
            return True
        return False

    def _feed_what_came(self) -> None:
        """A body that ends early keeps all that came of it, also what its paused reader had no room for."""
        request, parser = self._answering.request, self._parser
        while request is not None and parser.body is request.body and parser.unparsed:
            parser.parse()
        parser.forget()

    def _regulate(self) -> None:
        """Read from the socket, or do not, as there is room for what comes."""
        if self.half_closed or self._closing:
            return
        body = self._parser.body
        wanted = self._parser.unparsed < HIGH_WATER and (body is None or body.hungry)
        if wanted is not self._reading:
            self._reading = wanted
            if wanted:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    def _stop_serving(self) -> None:
        if not self._closing:
            self._closing = True
            self._parser.forget()
            self.transport.unregisterProducer()

    def _close(self) -> None:
        self._stop_serving()
        self.transport.loseConnection()

    def _linger(self) -> None:
        """Close our half and let the client say what it still has to: a plain close would reset the connection, and the
        client could lose the answer with it."""
        if self.half_closed:
            self._close()
            return
        self._stop_serving()
        self._lingering = True
        self.transport.loseWriteConnection()
        if not self._reading:
            self.transport.resumeProducing()

    def _discard(self, count: int) -> None:
        self._discarded += count
        if self._discarded > self._owner.limits.linger_bytes:
            self.abort()

    def _phase(self) -> Phase:
        parser, answering = self._parser, self._answering
        request = answering.request
        if self._closing:
            return Phase.LINGERING
        if answering.status:
            return Phase.SENDING if answering.congested else Phase.WORKING
        if request is not None:
            if self.half_closed and not request.body.claimed:
                return Phase.LEFT
            receiving = parser.body is request.body and request.body.wanted and not parser.unparsed
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
        elif phase is Phase.RECEIVING and self._answering.request is not None:
            parser.problem = BadMessage(408, "the body of the request comes too slowly")
            self._answering.request.body.abort()
        elif phase is Phase.LEFT:
            self._answering.cancel()
        else:
            self.abort()
