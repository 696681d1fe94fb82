"""The TLS that the configuration asks for."""

from __future__ import annotations

from txregistry.config.model import TLS
from txregistry.http.tls import TLSContext, TLSSettings


def tls_context(tls: TLS) -> TLSContext:
    """Blocks; raise `TLSProblem` where the certificate cannot be used."""
    return TLSContext(tls_settings(tls))


def tls_settings(tls: TLS) -> TLSSettings:
    """What of the configuration concerns TLS."""
    return TLSSettings(
        certificate=tls.certificate,
        key=tls.key,
        client_cas=tls.clientcas,
        client_auth=tls.clientauth,
        minimum_tls=tls.minimumtls,
        cipher_suites=tls.ciphersuites,
    )
