"""TLS as a protocol below another: what the one above writes is encrypted and sent at once, in large pieces."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProducer,
    IProtocol,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.http.engines import PLAIN, Engine, TLSError
from txregistry.http.wires import IConnectionTransport, IMeasuredTransport, ISecureTransport, ISendfileTransport

_log = Logger()

# A handshake record; a plain request begins with the letter of a method instead.
_HANDSHAKE = b"\x16"
_WRONG_PROTOCOL = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"Client sent an HTTP request to an HTTPS server.\n"
)


# What of a file is encrypted at once, and waits here when the peer is slow: it stays in the processor's cache.
PIECE = 128 * 1024

# One for all connections: what stands in it is encrypted before anything else happens.
_piece = memoryview(bytearray(PIECE))


@implementer(IHalfCloseableProtocol, IConnectionTransport, IMeasuredTransport, ISecureTransport, ISendfileTransport)
class SecureConnection(Protocol):
    """A protocol to the socket, a transport to the protocol above.

    Everything that one reading of the socket holds is handed up at once, so nothing decrypted is ever left behind here,
    and pausing concerns the socket alone.
    """

    transport: IConnectionTransport

    def __init__(self, engine: Engine, above: IProtocol) -> None:
        self._engine = engine
        self._above = above
        self._established = False
        self._first = b""
        # We have said that we send no more; what still comes is handed up as it is, only to be counted.
        self._closing = False
        self._half_closed = False

    # From the socket.

    def connectionMade(self) -> None:
        """See `IProtocol`."""
        self._above.makeConnection(self)

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        # OpenSSL keeps as much room as it was ever given at once.
        for start in range(0, len(data), PLAIN):
            self._decrypt(data[start : start + PLAIN])

    def _decrypt(self, data: bytes) -> None:
        if self._closing:
            self._above.dataReceived(data)
            return
        self._engine.feed(data)
        try:
            if not self._established and not self._shake_hands(data):
                return
            self._hand_up()
        except TLSError as problem:
            self._broken(problem)

    def readConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol`."""
        if not self._established:
            self.transport.loseConnection()
        else:
            self._end_of_input()

    def writeConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol`."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self._above.connectionLost(reason)

    # To the protocol above.

    @property
    def peer_certificate(self) -> bytes | None:
        """See `ISecureTransport`."""
        return self._engine.certificate

    @property
    def unsent(self) -> int:
        """See `IMeasuredTransport`; counts encrypted bytes."""
        return self.transport.unsent if IMeasuredTransport.providedBy(self.transport) else 0

    def write(self, data: bytes | memoryview) -> None:
        """Encrypt and send."""
        if self._encrypt(data):
            self._flush()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Encrypt and send pieces as one."""
        self.write(b"".join(data))

    def write_more(self, data: bytes) -> None:
        """See `ISendfileTransport`."""
        self._encrypt(data)

    def sendfile(self, fd: int, offset: int, count: int) -> int | None:
        """See `ISendfileTransport`: reads what is in memory, encrypts and sends it."""
        if not self._established or self._closing:
            return None
        read = os.preadv(fd, [_piece[:count]], offset, os.RWF_NOWAIT)
        self.write(_piece[:read])
        return read

    def loseConnection(self) -> None:
        """Say goodbye, send what is left, close."""
        self._say_goodbye()
        self.transport.loseConnection()

    def loseWriteConnection(self) -> None:
        """Say goodbye, send what is left, close our half."""
        self._say_goodbye()
        self.transport.loseWriteConnection()

    def abortConnection(self) -> None:
        """Close at once."""
        self.transport.abortConnection()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """The socket pauses it: nothing is kept here."""
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """See `IConsumer`."""
        self.transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """Read no more from the socket."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read from the socket."""
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """See `IProducer`."""
        self.loseConnection()

    def getPeer(self) -> IPv4Address | IPv6Address:
        """See `ITransport`."""
        return self.transport.getPeer()

    def getHost(self) -> IPv4Address | IPv6Address:
        """See `ITransport`."""
        return self.transport.getHost()

    def getTcpNoDelay(self) -> bool:
        """See `ITCPTransport`."""
        return bool(self.transport.getTcpNoDelay())

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See `ITCPTransport`."""
        self.transport.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """See `ITCPTransport`."""
        return bool(self.transport.getTcpKeepAlive())

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """See `ITCPTransport`."""
        self.transport.setTcpKeepAlive(enabled)

    # Inside.

    def _encrypt(self, data: bytes | memoryview) -> bool:
        if not self._established or self._closing or not data:
            return False
        try:
            self._engine.write(data)
        except TLSError as problem:
            self._broken(problem)
            return False
        return True

    def _shake_hands(self, data: bytes) -> bool:
        self._first = self._first or data[:1]
        self._established = self._engine.handshake()
        self._flush()
        if self._established and IHandshakeListener.providedBy(self._above):
            cast(IHandshakeListener, self._above).handshakeCompleted()
        return self._established

    def _hand_up(self) -> None:
        while not self._closing:
            data = self._engine.read()
            if not data:
                break
            self._above.dataReceived(data)
        # A peer that asked for new keys is answered with the next bytes that are sent (RFC 8446 §4.6.3).
        if self._engine.ended:
            self._end_of_input()

    def _end_of_input(self) -> None:
        if not self._half_closed:
            self._half_closed = True
            if IHalfCloseableProtocol.providedBy(self._above):
                cast(IHalfCloseableProtocol, self._above).readConnectionLost()

    def _flush(self) -> None:
        for piece in self._engine.take():
            self.transport.write(piece)

    def _say_goodbye(self) -> None:
        if self._established and not self._closing:
            with suppress(TLSError):  # A peer that is past hearing it hears it from the socket.
                self._engine.close()
            self._flush()
        self._closing = True

    def _broken(self, problem: TLSError) -> None:
        _log.info("tls failed", reason=str(problem), peer=str(self.getPeer()), established=self._established)
        self._closing = True
        if self._established:
            self._flush()
            self.transport.abortConnection()
        elif self._first == _HANDSHAKE:
            self._flush()
            self.transport.loseConnection()
        else:
            self.transport.write(_WRONG_PROTOCOL)
            self.transport.loseConnection()
