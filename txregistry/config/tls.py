"""The section `http.tls`."""

from __future__ import annotations

from typing import Literal

from attrs import evolve, field, frozen

from txregistry.config.forms import Form, Place, choice, listed, text
from txregistry.config.sections import option, read_section

ClientAuth = Literal[
    "request-client-cert",
    "require-any-client-cert",
    "verify-client-cert-if-given",
    "require-and-verify-client-cert",
]
MinimumTLS = Literal["tls1.2", "tls1.3"]

_CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_": (
        "AES_128_CBC_SHA AES_256_CBC_SHA AES_128_GCM_SHA256 AES_256_GCM_SHA384 CHACHA20_POLY1305_SHA256"
    ),
    "TLS_ECDHE_RSA_WITH_": (
        "3DES_EDE_CBC_SHA AES_128_CBC_SHA AES_256_CBC_SHA AES_128_GCM_SHA256 AES_256_GCM_SHA384 "
        "CHACHA20_POLY1305_SHA256"
    ),
    "TLS_RSA_WITH_": "3DES_EDE_CBC_SHA AES_128_CBC_SHA AES_256_CBC_SHA AES_128_GCM_SHA256 AES_256_GCM_SHA384",
    "TLS_": "AES_128_GCM_SHA256 AES_256_GCM_SHA384 CHACHA20_POLY1305_SHA256",
}
# The names that Distribution 3 takes.
CIPHER_SUITES = frozenset(prefix + cipher for prefix, ciphers in _CIPHERS.items() for cipher in ciphers.split())


def _minimum(place: Place) -> MinimumTLS:
    version = choice("tls1.0", "tls1.1", "tls1.2", "tls1.3").read(place)
    if version in ("tls1.0", "tls1.1"):
        place.doubt(f"{version} is broken and no longer offered: clients need tls1.2")
        return "tls1.2"
    return "tls1.3" if version == "tls1.3" else "tls1.2"


def _suite(place: Place) -> str:
    name = text.read(place)
    if name not in CIPHER_SUITES:
        raise place.refusal("no cipher suite of this name is known")
    return name


@frozen
class TLS:
    """How connections are encrypted, and whether clients prove who they are."""

    certificate: str = field(metadata=option("File with the certificate and its chain, in PEM.", text))
    key: str = field(metadata=option("File with the certificate's private key, in PEM.", text))
    clientcas: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "Files with the authorities, in PEM, one of which must have signed a client's certificate.", listed(text)
        ),
    )
    clientauth: ClientAuth | None = field(
        default=None,
        metadata=option(
            "What is asked of clients; `require-and-verify-client-cert` where clientcas is set.",
            choice(
                "request-client-cert",
                "require-any-client-cert",
                "verify-client-cert-if-given",
                "require-and-verify-client-cert",
            ),
        ),
    )
    minimumtls: MinimumTLS = field(
        default="tls1.2",
        metadata=option("The oldest version of TLS that is accepted.", Form("one of `tls1.2`, `tls1.3`", _minimum)),
    )
    ciphersuites: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "The cipher suites of TLS 1.2 that are accepted, by their IANA names; a sound choice where empty.",
            listed(Form("cipher suite", _suite)),
        ),
    )

    @property
    def verifies_clients(self) -> bool:
        """Whether every certificate that a client may show has been verified."""
        return self.clientauth in ("verify-client-cert-if-given", "require-and-verify-client-cert")


def read_tls(place: Place) -> TLS | None:
    """The section, or None where no certificate is configured and nothing asks for one. Raise `Refused`.

    Distribution serves in the clear, and to everybody, when a key or authorities for clients stand there without a
    certificate: what was meant to be closed ends the start here.
    """
    if place.find("certificate") is None and place.find("key") is None:
        for key in ("clientcas", "clientauth"):
            there = place.find(key)
            if there is not None:
                raise there.refusal("has no effect without certificate and key: the registry would be open to all")
        for key in ("minimumtls", "ciphersuites"):
            there = place.find(key)
            if there is not None:
                there.doubt("has no effect without certificate and key")
        return None
    tls = read_section(TLS, place)
    if tls.clientcas and tls.clientauth is None:
        return evolve(tls, clientauth="require-and-verify-client-cert")
    if tls.clientauth is not None and not tls.clientcas:
        raise place.refusal("clientauth has no effect without clientcas: the registry would be open to all")
    return tls
