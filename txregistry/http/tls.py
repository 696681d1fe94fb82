"""What TLS a server speaks: certificate, key, versions, suites, and what is asked of clients."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen
from OpenSSL import SSL
from twisted.internet.protocol import Protocol

from txregistry.http.ciphers import openssl_ciphers
from txregistry.http.engines import Engine, PyOpenSSLEngine, SSLObjectEngine, reason_of
from txregistry.http.errors import TLSProblem
from txregistry.http.secure import SecureConnection

_REQUEST = "request-client-cert"
_REQUIRE = "require-any-client-cert"
_VERIFY_IF_GIVEN = "verify-client-cert-if-given"
_VERIFY = "require-and-verify-client-cert"

_PROTOCOL = b"http/1.1"

# OpenSSL's bit, for which pyOpenSSL has no name: return after each record rather than when all is encrypted.
_ENABLE_PARTIAL_WRITE = 1
# The standard library stands on the system's OpenSSL, pyOpenSSL on one that is newer or the same. Since 3.1 AES takes
# half the time where the processor has AVX-512.
_SYSTEM_IS_FAST = ssl.OPENSSL_VERSION_INFO >= (3, 1)


@frozen
class TLSSettings:
    """Paths of PEM files, and names as Go and Distribution have them.

    `client_auth` is one of `request-client-cert`, `require-any-client-cert` (both take any certificate, unverified),
    `verify-client-cert-if-given` and `require-and-verify-client-cert`; None asks clients for nothing, or for a verified
    certificate when there are `client_cas`.
    """

    certificate: str
    key: str
    client_cas: Sequence[str] = ()
    client_auth: str | None = None
    minimum_tls: str = "tls1.2"
    cipher_suites: Sequence[str] = ()


class TLSContext:
    """Checks the settings once, and gives each connection its engine. Raise `TLSProblem` where they are no good.

    `standard` prefers the standard library's engine where it can do what is asked for: small answers cost half as much
    there, large ones less with pyOpenSSL where only that has a new OpenSSL.
    """

    def __init__(self, settings: TLSSettings, standard: bool = _SYSTEM_IS_FAST) -> None:
        client_auth = settings.client_auth or (_VERIFY if settings.client_cas else None)
        if client_auth not in (None, _REQUEST, _REQUIRE, _VERIFY_IF_GIVEN, _VERIFY):
            raise TLSProblem(f"there is no way to authenticate clients called {client_auth}")
        if client_auth in (_VERIFY_IF_GIVEN, _VERIFY) and not settings.client_cas:
            raise TLSProblem(f"{client_auth} needs the certificates of the authorities that sign for clients")
        only_newest, ciphers = _versions_and_ciphers(settings)
        self._make: Callable[[], Engine]
        # The check is done in full for either engine, and pyOpenSSL says more precisely what is wrong.
        checked = _checked_context(settings, only_newest, ciphers)
        # The standard library takes no certificate that it has not verified.
        if standard and client_auth not in (_REQUEST, _REQUIRE):
            context = _standard_context(settings, only_newest, ciphers, client_auth)
            self._make = lambda: SSLObjectEngine(context)
        else:
            if client_auth is not None:
                _ask_clients(checked, client_auth)
            self._make = lambda: PyOpenSSLEngine(checked)

    def engine(self) -> Engine:
        """A new connection's engine, in the server's role."""
        return self._make()

    def secured(self, protocol: Protocol) -> Protocol:
        """What to connect in the protocol's place: it gives it what the client sends, decrypted."""
        return SecureConnection(self.engine(), protocol)


def _versions_and_ciphers(settings: TLSSettings) -> tuple[bool, str | None]:
    if settings.minimum_tls not in ("tls1.2", "tls1.3"):
        raise TLSProblem(f"the oldest version of TLS can be tls1.2 or tls1.3, not {settings.minimum_tls}")
    try:
        ciphers = openssl_ciphers(settings.cipher_suites)
    except KeyError as unknown:
        raise TLSProblem(f"there is no cipher suite called {unknown.args[0]}") from None
    return settings.minimum_tls == "tls1.3" or ciphers is None, ciphers


def _checked_context(settings: TLSSettings, only_newest: bool, ciphers: str | None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION if only_newest else SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.clear_mode(_ENABLE_PARTIAL_WRITE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Without it, a client that comes back with a ticket is refused where certificates are asked for.
    context.set_session_id(b"txregistry")
    # A client that offers only others, such as h2, is served all the same, as the standard library does.
    context.set_alpn_select_callback(
        lambda _connection, offered: _PROTOCOL if _PROTOCOL in offered else SSL.NO_OVERLAPPING_PROTOCOLS
    )
    if ciphers is not None:
        try:
            context.set_cipher_list(ciphers.encode("ascii"))
        except SSL.Error:
            raise TLSProblem("OpenSSL offers none of the cipher suites that are configured") from None
    _load_identity(context, settings.certificate, settings.key)
    for path in settings.client_cas:
        _read(path, "certificate of an authority for clients")
        try:
            context.load_verify_locations(path)
        except SSL.Error:
            raise TLSProblem(f"the certificate of an authority for clients {path} holds none in PEM") from None
    return context


def _load_identity(context: SSL.Context, certificate: str, key: str) -> None:
    _read(certificate, "certificate")
    if b"ENCRYPTED" in _read(key, "key"):
        raise TLSProblem(f"the key {key} is encrypted, and there is nobody to ask for its passphrase")
    try:
        context.use_certificate_chain_file(certificate)
    except SSL.Error:
        raise TLSProblem(f"the certificate {certificate} holds no usable certificate in PEM") from None
    try:
        context.use_privatekey_file(key)
        context.check_privatekey()
    except SSL.Error as problem:
        if "mismatch" in reason_of(problem):
            raise TLSProblem(f"the key {key} does not belong to the certificate {certificate}") from None
        raise TLSProblem(f"the key {key} holds no usable private key in PEM") from None


def _ask_clients(context: SSL.Context, client_auth: str) -> None:
    mode = SSL.VERIFY_PEER
    if client_auth in (_REQUIRE, _VERIFY):
        mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    if client_auth in (_REQUEST, _REQUIRE):
        context.set_verify(mode, lambda *_: True)
    else:
        context.set_verify(mode)


def _standard_context(
    settings: TLSSettings, only_newest: bool, ciphers: str | None, client_auth: str | None
) -> ssl.SSLContext:
    """The same for the standard library."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if only_newest else ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # The client knows which suite costs it less; Go's clients ask for AES-128.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols([_PROTOCOL.decode("ascii")])
    try:
        if ciphers is not None:
            context.set_ciphers(ciphers)
        context.load_cert_chain(settings.certificate, settings.key)
        for path in settings.client_cas:
            context.load_verify_locations(path)
    except (ssl.SSLError, OSError) as problem:
        # pyOpenSSL took them, with an OpenSSL of its own.
        raise TLSProblem(f"TLS cannot be served with {settings.certificate}: {problem}") from problem
    if client_auth == _VERIFY:
        context.verify_mode = ssl.CERT_REQUIRED
    elif client_auth == _VERIFY_IF_GIVEN:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _read(path: str, what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise TLSProblem(f"the {what} {path} cannot be read: {problem.strerror}") from None
