"""Sockets that are written to at once, and the ports that accept them."""

# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few methods of its descriptors and ports.

from __future__ import annotations

import errno
import os
import select
import socket
import stat
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, cast

from twisted.internet import tcp, unix
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IPushProducer, IReactorFDSet, IReactorTime
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from zope.interface import implementer

from txregistry.http.watching import Watch
from txregistry.http.wires import IMeasuredTransport, ISendfileTransport

# What one connection receives in one turn of the reactor, at first and at most, and what it sends from its queue.
RECEIVE = 64 * 1024
RECEIVE_MOST = 1024 * 1024
SEND = 1024 * 1024
# Connections that the kernel accepts before the reactor does.
BACKLOG = 1024
# How long a port whose turn it is not leaves a connection to others, in seconds.
COURTESY = 0.005
# The most pieces that one system call takes (IOV_MAX).
VECTOR = 1024

_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ENOBUFS)
# Trouble of the socket rather than of a file that is sent on it.
_SOCKET_TROUBLE = (errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.ENOTCONN)


@implementer(ISendfileTransport, IMeasuredTransport)
class ImmediateServer(tcp.Server):
    """A server's TCP socket that sends when it is written to, and queues only what the kernel refused.

    The producer is paused as soon as something is queued and resumed when all of it is sent. A write that fails is
    queued as well: the reactor then finds the socket broken and reports the loss, never the caller of `write`.
    """

    bufferSize = RECEIVE

    def __init__(self, watch: Watch, *args: Any) -> None:
        self._watch = watch
        super().__init__(*args)
        self._queue: deque[bytes | memoryview] = deque()
        # A head and the file behind it are two writes; Nagle's algorithm would hold back the second.
        self.setTcpNoDelay(True)

    def startReading(self) -> None:
        """Receive what comes."""
        self._watch.add(self, select.EPOLLIN)

    def stopReading(self) -> None:
        """Leave with the kernel what comes."""
        self._watch.remove(self, select.EPOLLIN)

    def startWriting(self) -> None:
        """Hear when there is room."""
        self._watch.add(self, select.EPOLLOUT)

    def stopWriting(self) -> None:
        """Hear no more of it."""
        self._watch.remove(self, select.EPOLLOUT)

    def startTLS(self, ctx: object, normal: object = True) -> NoReturn:
        """Refused: what this class sends would go around Twisted's TLS, in plain text."""
        raise RuntimeError("TLS is a protocol on top of this transport: txregistry.http.tls")

    def write(self, data: bytes) -> None:
        """Send, or queue what the kernel does not take."""
        self._write(data, 0)

    def write_more(self, data: bytes) -> None:
        """See `ISendfileTransport`."""
        self._write(data, socket.MSG_MORE)

    def writeSequence(self, iovec: Any) -> None:
        """Send pieces as one."""
        self._write(b"".join(iovec), 0)

    @property
    def unsent(self) -> int:
        """See `IMeasuredTransport`."""
        return sum(map(len, self._queue))

    def sendfile(self, fd: int, offset: int, count: int) -> int | None:
        """See `ISendfileTransport`."""
        if not self.connected or self._queue:
            return None
        try:
            sent = os.sendfile(self.fileno(), fd, offset, count)
        except OSError as problem:
            if problem.errno not in _FULL and problem.errno not in _SOCKET_TROUBLE:
                raise
            self._wait_for_room()
            return None
        if 0 < sent < count:
            self._wait_for_room()
        return sent

    def resumeProducing(self) -> None:
        """Receive again, in small pieces at first: whoever paused us gets little more than it has room for."""
        self.bufferSize = RECEIVE
        super().resumeProducing()

    def doRead(self) -> Any:
        """Hand up what has come. Whoever sends faster than it is received is given more room, in which each byte costs
        less; whoever does not leaves no memory waiting to be filled."""
        room = self.bufferSize
        try:
            data = self.socket.recv(room)
        except OSError as problem:
            return None if problem.errno in _FULL else CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        if len(data) == room:
            self.bufferSize = min(2 * room, RECEIVE_MOST)
        elif len(data) < room // 4:
            self.bufferSize = max(room // 2, RECEIVE)
        self.protocol.dataReceived(data)
        return None

    def doWrite(self) -> Any:
        """The socket has room: send from the queue, then let the producer go on, or close as was asked."""
        if self._queue:
            try:
                sent = self.socket.sendmsg(self._vector())
            except OSError as problem:
                return None if problem.errno in _FULL else CONNECTION_LOST
            self._forget(sent)
            if self._queue:
                return None
        self.stopWriting()
        if self.producer is not None and self.producerPaused:
            self.producerPaused = False
            cast(IPushProducer, self.producer).resumeProducing()
        elif self.disconnecting:
            return self._postLoseConnection()
        elif self._writeDisconnecting:
            self._writeDisconnected = True
            return self._closeWriteConnection()
        return None

    def _write(self, data: bytes, flags: int) -> None:
        if not self.connected or self._writeDisconnected or not data:
            return
        sent = 0
        if not self._queue:
            try:
                sent = self.socket.send(data, flags)
            except OSError:
                sent = 0
            if sent == len(data):
                return
        self._queue.append(memoryview(data)[sent:] if sent else data)
        self._wait_for_room()

    def _vector(self) -> list[bytes | memoryview]:
        vector: list[bytes | memoryview] = []
        size = 0
        for piece in self._queue:
            vector.append(piece)
            size += len(piece)
            if size >= SEND or len(vector) == VECTOR:
                break
        return vector

    def _forget(self, sent: int) -> None:
        """Drop so many bytes from the front of the queue."""
        queue = self._queue
        while sent:
            piece = queue.popleft()
            if sent < len(piece):
                queue.appendleft(memoryview(piece)[sent:])
                return
            sent -= len(piece)

    def _wait_for_room(self) -> None:
        self.startWriting()
        if self.producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            cast(IPushProducer, self.producer).pauseProducing()


class ImmediateUnixServer(ImmediateServer):
    """The same for a Unix socket."""

    def __init__(
        self, watch: Watch, sock: Any, protocol: Any, client: Any, server: Any, sessionno: Any, reactor: Any
    ) -> None:
        super().__init__(watch, sock, protocol, (client, None), server, sessionno, reactor)

    getHost = unix.Server.getHost
    getPeer = unix.Server.getPeer
    getTcpNoDelay = unix.Server.getTcpNoDelay
    setTcpNoDelay = unix.Server.setTcpNoDelay


class _Shared(tcp.Port):
    """A port whose socket other processes may accept from, too.

    Whoever wakes first would take all that wait, and keep them as long as they live. So where there is a `turn`, one is
    taken at a time, and after some waiting only by those whose turn it is not.
    """

    turn: Callable[[], bool] | None = None
    # It would end for the others too; to close is enough for who is alone.
    _shouldShutdown = False

    def doRead(self) -> None:
        """See `IReadDescriptor`."""
        if self.turn is not None:
            if not self.turn():
                self.stopReading()
                cast(IReactorTime, self.reactor).callLater(COURTESY, self._take_what_is_left)
                return
            self.numberAccepts = 1
        super().doRead()

    def _take_what_is_left(self) -> None:
        if self.connected and not self.disconnecting:
            self.numberAccepts = 1
            super().doRead()
            self.startReading()


class TCPPort(_Shared):
    """Accepts TCP connections; on `::` it serves IPv4 as well."""

    def startListening(self) -> None:
        """See `IListeningPort`."""
        self.transport = partial(ImmediateServer, Watch(self.reactor))  # type: ignore[assignment]  # made like a Server
        super().startListening()

    def createInternetSocket(self) -> socket.socket:
        """See `tcp.Port`."""
        sock: socket.socket = super().createInternetSocket()
        if self.interface == "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        return sock


class UnixPort(_Shared, unix.Port):
    """Accepts connections on a Unix socket."""

    def startListening(self) -> None:
        """See `IListeningPort`."""
        self.transport = partial(ImmediateUnixServer, Watch(self.reactor))  # type: ignore[assignment]  # made like a Server
        super().startListening()


def listen_tcp(
    reactor: IReactorFDSet, port: int, factory: IProtocolFactory, interface: str = "", backlog: int = BACKLOG
) -> IListeningPort:
    """Listen on an address; without one on all of IPv6 and IPv4, or of IPv4 where there is no IPv6.

    Raise `CannotListenError`. Port 0 takes a free one, which `getHost()` of the result tells.
    """
    if interface in ("", "::"):
        if _has_ipv6():
            interface = "::"
        elif not interface:
            interface = "0.0.0.0"
    listener = TCPPort(port, factory, backlog, interface, reactor)
    listener.startListening()
    return listener


def listen_unix(
    reactor: IReactorFDSet, path: str, factory: IProtocolFactory, mode: int = 0o666, backlog: int = BACKLOG
) -> IListeningPort:
    """Listen on a Unix socket of this mode. A socket file that nobody listens on any more is removed first; any other
    file is left alone. Raise `CannotListenError`."""
    _remove_stale(path)
    listener = UnixPort(os.fsencode(path), factory, backlog, mode, reactor)
    listener.startListening()
    return listener


def adopt(
    reactor: IReactorFDSet, fd: int, factory: IProtocolFactory, turn: Callable[[], bool] | None = None
) -> IListeningPort:
    """Listen on an inherited socket, which is listening already. The descriptor is duplicated; the caller closes its
    own. Raise `CannotListenError` when it is no listening TCP or Unix socket.

    Where other processes accept from it too, `turn` says whether this one is to take the next connection.
    """
    try:
        inherited = socket.socket(fileno=os.dup(fd))
    except OSError as problem:
        raise CannotListenError(None, f"descriptor {fd}", problem) from problem
    with inherited:
        inherited.setblocking(False)
        listening = inherited.type == socket.SOCK_STREAM and inherited.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN
        )
        if not listening:
            raise CannotListenError(None, f"descriptor {fd}", OSError(errno.EINVAL, "no listening stream socket"))
        listener: _Shared
        if inherited.family == socket.AF_UNIX:
            listener = _inherited_unix_port(reactor, inherited, factory)
        else:
            listener = TCPPort._fromListeningDescriptor(reactor, inherited.fileno(), inherited.family, factory)
    listener.turn = turn
    listener.startListening()
    return listener


def _inherited_unix_port(reactor: IReactorFDSet, inherited: socket.socket, factory: IProtocolFactory) -> UnixPort:
    port: UnixPort = UnixPort._fromListeningDescriptor(reactor, inherited.fileno(), factory)
    # Twisted would change the mode of the socket's file, remove it at the end, and shorten the backlog; the file
    # belongs to whoever made it. It leaves alone what looks like a name outside the filesystem.
    port._bindPath = b"\0inherited"
    port.backlog = BACKLOG
    return port


def _has_ipv6() -> bool:
    """Whether a socket can be bound to the IPv6 wildcard; containers often switch IPv6 off."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except OSError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            with suppress(OSError):
                os.unlink(path)
        except OSError:
            pass
