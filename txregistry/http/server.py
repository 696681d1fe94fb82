"""All connections of one listening address: made, watched once a second, drained."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory, Protocol

from txregistry.http.connection import HTTPConnection
from txregistry.http.interfaces import IApplication
from txregistry.http.known import KnownHeads
from txregistry.http.limits import Limits

if TYPE_CHECKING:
    # Whoever speaks TLS imports it: OpenSSL takes as much memory as all the rest of the server.
    from txregistry.http.tls import TLSContext

DEFAULT_LIMITS = Limits()


def _ignore(count: int) -> None:
    """Nobody wants to know."""


class HTTPFactory(Factory):
    """Serves an application to whoever connects; give it to `ports.listen_tcp` and its like."""

    noisy = False

    def __init__(
        self,
        application: IApplication,
        clock: IReactorTime,
        limits: Limits = DEFAULT_LIMITS,
        tls: TLSContext | None = None,
    ) -> None:
        self.application = application
        self.clock = clock
        self.limits = limits
        self.known = KnownHeads()
        self.draining = False
        # Called with the number of connections when it has changed.
        self.counted: Callable[[int], object] = _ignore
        self._tls = tls
        self._connections: set[HTTPConnection] = set()
        self._sweep: IDelayedCall | None = None
        self._drained: Deferred[None] | None = None
        self._deadline: IDelayedCall | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """See `IProtocolFactory`."""
        connection = HTTPConnection(self)
        return connection if self._tls is None else self._tls.secured(connection)

    def room(self) -> int:
        """How many more connections may be accepted; see `ports.Roomy`."""
        most = self.limits.connections
        return sys.maxsize if most is None else most - len(self._connections)

    def drain(self, seconds: float) -> Deferred[None]:
        """Let what is under way come to its end.

        Idle connections close at once, answers not begun yet say `Connection: close`, and after so many seconds
        whatever is left is aborted. Fires when no connection is left. Called once, after listening has stopped.
        """
        self.draining = True
        drained: Deferred[None] = Deferred()
        self._drained = drained
        for connection in list(self._connections):
            connection.drain()
        if self._connections:
            self._deadline = self.clock.callLater(seconds, self._abort_all)
        else:
            drained.callback(None)
        return drained

    def connected(self, connection: HTTPConnection) -> None:
        """A connection tells that it begins."""
        self._connections.add(connection)
        self.counted(len(self._connections))
        if self._sweep is None:
            self._sweep = self.clock.callLater(1.0, self._look_around)

    def disconnected(self, connection: HTTPConnection) -> None:
        """A connection tells that it has ended."""
        self._connections.discard(connection)
        self.counted(len(self._connections))
        if self._connections:
            return
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._drained is not None and not self._drained.called:
            self._drained.callback(None)

    def _look_around(self) -> None:
        self._sweep = self.clock.callLater(1.0, self._look_around)
        for connection in list(self._connections):
            connection.second_passed()

    def _abort_all(self) -> None:
        self._deadline = None
        for connection in list(self._connections):
            connection.abort()
