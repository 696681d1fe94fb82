"""TLS between two buffers: bytes in, bytes out, and no socket."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Protocol, cast

from OpenSSL import SSL, crypto

# What is given to OpenSSL at once, and so the most that one reading of it can hold.
PLAIN = 256 * 1024
# What pyOpenSSL is asked for at once. It makes a new buffer of that size each time, and the C library fetches larger
# ones from the kernel and gives them back: that cost five times as much as encryption does.
_RECORD = 16 * 1024
_TAKEN = 65 * 1024

# One for all connections: it is emptied before it is used again.
_plain = bytearray(PLAIN)
_view = memoryview(_plain)


class TLSError(Exception):
    """The peer speaks no TLS, or none that is accepted, or a record is damaged. The reason is the argument."""


class Engine(Protocol):
    """One connection's TLS. All methods but `feed` and `take` raise `TLSError`."""

    def feed(self, data: bytes) -> None:
        """Encrypted bytes have come."""

    def take(self) -> Sequence[bytes]:
        """Encrypted bytes that are to be sent, in pieces, none of them empty."""

    def handshake(self) -> bool:
        """Go on with the handshake; whether it is done."""

    def read(self) -> bytes:
        """Decrypt what has come, up to `PLAIN` bytes; empty when there is nothing more for now."""

    def write(self, data: bytes | memoryview) -> None:
        """Encrypt all of it."""

    def close(self) -> None:
        """Say that nothing more will be sent."""

    @property
    def ended(self) -> bool:
        """Whether the peer has said so."""

    @property
    def certificate(self) -> bytes | None:
        """What the peer showed, as DER."""


class SSLObjectEngine:
    """By the standard library."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._empty = True
        self.ended = False

    def feed(self, data: bytes) -> None:
        """See `Engine`."""
        self._empty = False
        self._incoming.write(data)

    def take(self) -> Sequence[bytes]:
        """See `Engine`."""
        data = self._outgoing.read()
        return (data,) if data else ()

    def handshake(self) -> bool:
        """See `Engine`."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as problem:
            raise TLSError(problem.reason or str(problem)) from problem
        return True

    def read(self) -> bytes:
        """See `Engine`."""
        if self._empty:
            return b""
        count = 0
        try:
            while count < PLAIN:
                read = cast(int, self._tls.read(PLAIN - count, cast(bytearray, _view[count:])))
                if not read:
                    self.ended = True
                    break
                count += read
        except ssl.SSLWantReadError:
            self._empty = True
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as problem:
            if not count:
                raise TLSError(problem.reason or str(problem)) from problem
        return bytes(_view[:count])

    def write(self, data: bytes | memoryview) -> None:
        """See `Engine`."""
        try:
            sent = self._tls.write(data)
            if sent < len(data):
                # One record at a time, 16 KiB, is what OpenSSL takes.
                rest = memoryview(data)
                while sent < len(rest):
                    sent += self._tls.write(rest[sent:])
        except ssl.SSLError as problem:
            raise TLSError(problem.reason or str(problem)) from problem

    def close(self) -> None:
        """See `Engine`."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as problem:
            raise TLSError(problem.reason or str(problem)) from problem

    @property
    def certificate(self) -> bytes | None:
        """See `Engine`."""
        return self._tls.getpeercert(binary_form=True)


class PyOpenSSLEngine:
    """By pyOpenSSL, which can take certificates without verifying them, and brings the newest OpenSSL along."""

    def __init__(self, context: SSL.Context) -> None:
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._empty = True
        self.ended = False

    def feed(self, data: bytes) -> None:
        """See `Engine`."""
        self._empty = False
        self._tls.bio_write(data)

    def take(self) -> Sequence[bytes]:
        """See `Engine`."""
        pieces: list[bytes] = []
        try:
            while not pieces or len(pieces[-1]) == _TAKEN:
                pieces.append(self._tls.bio_read(_TAKEN))
        except SSL.WantReadError:
            pass
        return pieces

    def handshake(self) -> bool:
        """See `Engine`."""
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as problem:
            raise TLSError(reason_of(problem)) from problem
        return True

    def read(self) -> bytes:
        """See `Engine`."""
        if self._empty:
            return b""
        count = 0
        try:
            while count < PLAIN:
                count += self._tls.recv_into(cast(bytearray, _view[count:]), _RECORD)
        except SSL.WantReadError:
            self._empty = True
        except SSL.ZeroReturnError:
            self.ended = True
        except SSL.Error as problem:
            if not count:
                raise TLSError(reason_of(problem)) from problem
        return bytes(_view[:count])

    def write(self, data: bytes | memoryview) -> None:
        """See `Engine`."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._tls.send(rest) :]
        except SSL.Error as problem:
            raise TLSError(reason_of(problem)) from problem

    def close(self) -> None:
        """See `Engine`."""
        try:
            self._tls.shutdown()
        except SSL.Error as problem:
            raise TLSError(reason_of(problem)) from problem

    @property
    def certificate(self) -> bytes | None:
        """See `Engine`."""
        certificate = self._tls.get_peer_certificate()
        return None if certificate is None else crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


def reason_of(problem: SSL.Error) -> str:
    """The last of what OpenSSL says, as `(library, function, reason)`."""
    queue = problem.args[0] if problem.args else None
    return str(queue[-1][-1]) if isinstance(queue, list) and queue else "the connection ended"
