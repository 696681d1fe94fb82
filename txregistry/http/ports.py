"""Ports that accept connections: on an address, on a Unix socket, or on one that was inherited."""

# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few methods of its ports.

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, cast, runtime_checkable

from twisted.internet import tcp, unix
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorFDSet, IReactorTime
from twisted.logger import Logger

from txregistry.http.transport import ImmediateServer, ImmediateUnixServer
from txregistry.http.watching import Watch

# Connections that the kernel accepts before the reactor does.
BACKLOG = 1024
# How long a port whose turn it is not leaves a connection to others, in seconds.
COURTESY = 0.005
# How long a port that has no room leaves connections alone, in seconds.
CROWDED = 0.1
# How long a port says no more that it has no room, in seconds.
_QUIET = 60.0

_log = Logger()


@runtime_checkable
class Roomy(Protocol):
    """A factory that bounds its connections."""

    def room(self) -> int:
        """How many more may be accepted now."""


class _Shared(tcp.Port):
    """A port whose socket other processes may accept from, too.

    Whoever wakes first would take all that wait, and keep them as long as they live. So where there is a `turn`, one is
    taken at a time, and after some waiting only by those whose turn it is not. Where the factory has no room, all are
    left to others, or wait.
    """

    turn: Callable[[], bool] | None = None
    _said: float | None = None
    # It would end for the others too; to close is enough for who is alone.
    _shouldShutdown = False

    def doRead(self) -> None:
        """See `IReadDescriptor`."""
        if not self._has_room():
            self._leave(CROWDED)
            return
        if self.turn is not None:
            if not self.turn():
                self._leave(COURTESY)
                return
            self.numberAccepts = 1
        super().doRead()

    def _leave(self, seconds: float) -> None:
        self.stopReading()
        cast(IReactorTime, self.reactor).callLater(seconds, self._take_what_is_left)

    def _take_what_is_left(self) -> None:
        if self.connected and not self.disconnecting:
            if self._has_room():
                self.numberAccepts = 1
                super().doRead()
            self.startReading()

    def _has_room(self) -> bool:
        """Also sees to it that no more are accepted at once than there is room for."""
        if not isinstance(self.factory, Roomy):
            return True
        room = self.factory.room()
        if room > 0:
            self.numberAccepts = min(self.numberAccepts, room)
            return True
        now = cast(IReactorTime, self.reactor).seconds()
        if self._said is None or now - self._said >= _QUIET:
            self._said = now
            _log.warn("connections have to wait: there are as many as there may be")
        return False


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
