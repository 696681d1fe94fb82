"""Go's names of cipher suites, in which they are configured, and OpenSSL's."""

from __future__ import annotations

from collections.abc import Mapping

_TLS12 = {
    f"TLS_{exchange}_WITH_{cipher}": f"{prefix}{name}"
    for exchange, prefix in (("ECDHE_RSA", "ECDHE-RSA-"), ("ECDHE_ECDSA", "ECDHE-ECDSA-"), ("RSA", ""))
    for cipher, name in (
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("AES_128_CBC_SHA256", "AES128-SHA256"),
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("3DES_EDE_CBC_SHA", "DES-CBC3-SHA"),
        ("RC4_128_SHA", "RC4-SHA"),
    )
    # The suites that Go never had.
    if not (exchange == "ECDHE_ECDSA" and cipher == "3DES_EDE_CBC_SHA")
}

_CHACHA = {
    f"TLS_ECDHE_{key}_WITH_CHACHA20_POLY1305{suffix}": f"ECDHE-{key}-CHACHA20-POLY1305"
    for key in ("RSA", "ECDSA")
    for suffix in ("", "_SHA256")
}

# With TLS 1.3 the name is the same for both.
_TLS13 = {name: name for name in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")}

OPENSSL_NAMES: Mapping[str, str] = {**_TLS12, **_CHACHA, **_TLS13}
