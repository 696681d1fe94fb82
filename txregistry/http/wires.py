"""What a connection can ask of the transport below it, beyond what every transport does."""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from zope.interface import Attribute, Interface


class IConnectionTransport(ITCPTransport, IConsumer, IPushProducer):
    """What Twisted's transports of connections are: written to, and pausing and being paused."""


class IMeasuredTransport(Interface):
    """A transport that counts what it could not send yet."""

    unsent = Attribute("Bytes that were written and that the kernel has not taken.")


class ISendfileTransport(Interface):
    """A transport that takes bytes from a file by itself, which costs less than to give them to it."""

    def write_more(data: bytes) -> None:
        """Write what may wait for the next bytes, which follow soon, and share their packet."""

    def sendfile(fd: int, offset: int, count: int) -> int | None:
        """Send some; return how many.

        When the socket has not taken all, the registered producer is paused within the call, and resumed when there is
        room. None means that it took nothing; 0 that the file has ended. Raise `OSError` when the file cannot be read.
        """


class ISecureTransport(Interface):
    """A transport whose bytes are encrypted."""

    peer_certificate = Attribute("What the client showed, as DER bytes; None when it showed none.")
