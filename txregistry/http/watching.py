"""Which connections are ready: an epoll of our own, inside of the reactor's."""

from __future__ import annotations

import select
from typing import Protocol

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.http.failures import failure

_log = Logger()

# How many ready connections are taken at once, and how often that is done before the reactor turns to other things.
_AT_ONCE = 64
_ROUNDS = 4
_GONE = select.EPOLLHUP | select.EPOLLERR


class Socket(Protocol):
    """What is watched: Twisted's descriptors of connections are such."""

    def fileno(self) -> int:
        """Negative once it is closed."""

    def doRead(self) -> Exception | None:
        """There is something to read; what is returned says that the connection has ended."""

    def doWrite(self) -> Exception | None:
        """There is room to write; as above."""

    def readConnectionLost(self, reason: Failure) -> None:
        """The peer sends no more."""

    def connectionLost(self, reason: Failure) -> None:
        """The connection has ended."""


@implementer(IReadDescriptor)
class Watch:
    """Tells sockets that they are ready, as the reactor would.

    The reactor enters a logging context for each event, and that costs as much as parsing a request does. So it is told
    of one descriptor, which is ready when any connection is. An epoll may stand in another one (epoll(7)), whichever
    reactor it belongs to.
    """

    def __init__(self, reactor: IReactorFDSet) -> None:
        self._reactor = reactor
        self._poll = select.epoll()
        self._sockets: dict[int, Socket] = {}
        self._wanted: dict[int, int] = {}

    def wanted(self, socket: Socket) -> int:
        """What the socket is told of."""
        return self._wanted.get(socket.fileno(), 0)

    def add(self, socket: Socket, event: int) -> None:
        """Tell the socket of this too: `EPOLLIN` or `EPOLLOUT`."""
        fd, wanted = socket.fileno(), self.wanted(socket)
        if wanted & event:
            return
        if wanted:
            self._poll.modify(fd, wanted | event)
        else:
            self._poll.register(fd, event)
            if not self._sockets:
                self._reactor.addReader(self)
            self._sockets[fd] = socket
        self._wanted[fd] = wanted | event

    def remove(self, socket: Socket, event: int) -> None:
        """Tell the socket of this no more."""
        fd, wanted = socket.fileno(), self.wanted(socket)
        if not wanted & event:
            return
        if wanted != event:
            self._wanted[fd] = wanted & ~event
            self._poll.modify(fd, wanted & ~event)
            return
        self._poll.unregister(fd)
        del self._wanted[fd], self._sockets[fd]
        if not self._sockets:
            self._reactor.removeReader(self)

    # For the reactor.

    def fileno(self) -> int:
        """See `IReadDescriptor`."""
        return self._poll.fileno()

    def logPrefix(self) -> str:
        """See `ILoggingContext`."""
        return "connections"

    def doRead(self) -> None:
        """Some connections are ready."""
        sockets = self._sockets
        for _ in range(_ROUNDS):
            ready = self._poll.poll(0, _AT_ONCE)
            for fd, events in ready:
                # One that is served may have closed another one.
                socket = sockets.get(fd)
                if socket is not None:
                    self._serve(socket, fd, events)
            if len(ready) < 2:
                return

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends: so does every connection."""
        for socket in list(self._sockets.values()):
            self._forget(socket)
            socket.connectionLost(reason)

    def _serve(self, socket: Socket, fd: int, events: int) -> None:
        reading = False
        end: BaseException | None = None
        if events & _GONE and not events & select.EPOLLIN:
            reading = bool(self._wanted[fd] & select.EPOLLIN)
            end = ConnectionDone() if reading else ConnectionLost()
        else:
            try:
                if events & select.EPOLLIN:
                    reading = True
                    end = socket.doRead()
                if not end and events & select.EPOLLOUT:
                    reading = False
                    end = socket.doWrite()
            except Exception as problem:
                _log.failure("a connection failed")
                end = problem
        if end is not None:
            self._end(socket, end, reading)

    def _end(self, socket: Socket, end: BaseException, reading: bool) -> None:
        if reading and isinstance(end, ConnectionDone):
            self.remove(socket, select.EPOLLIN)
            socket.readConnectionLost(failure(end))
        else:
            self._forget(socket)
            socket.connectionLost(failure(end))

    def _forget(self, socket: Socket) -> None:
        self.remove(socket, select.EPOLLIN)
        self.remove(socket, select.EPOLLOUT)
