"""Who is at the other end of a connection."""

from __future__ import annotations

from attrs import frozen
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import ITransport

from txregistry.http.wires import ISecureTransport

_MAPPED = "::ffff:"


@frozen
class Client:
    """What each request tells of its client: the address as text (empty on a Unix socket), the port, whether the
    connection is encrypted, and the certificate shown, as DER."""

    peer: str = ""
    port: int | None = None
    secure: bool = False
    certificate: bytes | None = None


def client_of(transport: ITransport) -> Client:
    """Ask a transport whose handshake, if it has one, is over."""
    address = transport.getPeer()
    host, port = "", None
    if isinstance(address, IPv4Address | IPv6Address):
        host, port = address.host, address.port
        if host.startswith(_MAPPED) and "." in host:
            # An IPv4 client on a socket that serves both.
            host = host[len(_MAPPED) :]
    if ISecureTransport.providedBy(transport):
        return Client(host, port, True, transport.peer_certificate)
    return Client(host, port)
