"""What a parent and a worker tell each other, and how the parent gets the worker's log."""

from __future__ import annotations

import socket
from collections.abc import Callable
from enum import Enum
from typing import cast

from twisted.internet.interfaces import IReactorSocket, ITransport
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from txregistry.daemon.workers.seats import Seat


class Report(Enum):
    """What a worker says: a byte each."""

    READY = b"R"
    ALIVE = b"A"
    STOPPING = b"S"


class Order(Enum):
    """What a worker is told: a byte each. That the line breaks means `DRAIN`: the parent is gone."""

    DRAIN = b"D"
    HURRY = b"H"


class WorkerEnd(Protocol):
    """In the worker; its parent is the service manager that the worker's registry knows of."""

    def __init__(self, obey: Callable[[Order], object], watchdog: float | None, seat: Seat | None = None) -> None:
        """`watchdog` is how often to call `alive`, in seconds; None where nobody wants to know."""
        self._obey = obey
        self._seat = seat
        self.watchdog = watchdog

    def ready(self) -> None:
        """The worker answers."""
        if self._seat is not None:
            self._seat.take()
        self._say(Report.READY)

    def stopping(self) -> None:
        """The worker takes no more connections."""
        if self._seat is not None:
            self._seat.leave()
        self._say(Report.STOPPING)

    def alive(self) -> None:
        """The worker could do its work a moment ago."""
        self._say(Report.ALIVE)

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        for byte in data:
            self._obey(Order(bytes([byte])))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self._obey(Order.DRAIN)

    def _say(self, report: Report) -> None:
        if self.transport is not None:
            self.transport.write(report.value)


class ParentEnd(Protocol):
    """In the parent."""

    def __init__(self, said: Callable[[Report], object], lost: Callable[[], object]) -> None:
        """`lost` is called when the worker has ended, or is about to."""
        self._said = said
        self._lost = lost

    def tell(self, order: Order) -> None:
        """Does nothing where the worker has ended."""
        if self.transport is not None:
            self.transport.write(order.value)

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        for byte in data:
            self._said(Report(bytes([byte])))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self.transport = None  # Its socket is gone: a child that is born now has no copy to close.
        self._lost()


class LogRelay(Protocol):
    """In the parent: writes whole lines only, so that those of several workers do not mix."""

    def __init__(self, write: Callable[[str], object], lost: Callable[[], object]) -> None:
        """`write` takes lines with their newlines."""
        self._write = write
        self._lost = lost
        self._begun = b""

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        lines, newline, begun = data.rpartition(b"\n")
        if newline:
            self._pass_on(self._begun + lines + newline)
            self._begun = begun
        else:
            self._begun += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        if self._begun:
            self._pass_on(self._begun + b"\n")
        self.transport = None
        self._lost()

    def _pass_on(self, lines: bytes) -> None:
        self._write(lines.decode("utf-8", "replace"))


def connect(reactor: IReactorSocket, sock: socket.socket, protocol: Protocol) -> None:
    """Let the protocol have one end of a pair of sockets, which is closed with its connection."""
    sock.setblocking(False)
    factory = ServerFactory.forProtocol(lambda: protocol)
    factory.noisy = False
    reactor.adoptStreamConnection(
        sock.fileno(),
        socket.AF_UNIX,
        factory,  # type: ignore[arg-type]  # forProtocol tells its own class, and not that of the factory
    )
    sock.close()  # the connection has a duplicate


def close_copy(transport: ITransport | None) -> None:
    """Close a connection that was copied into a new process, and leave that of the old process alone."""
    if transport is not None:
        cast("socket.socket", transport.getHandle()).close()  # type: ignore[attr-defined]  # of ITCPTransport and its like
