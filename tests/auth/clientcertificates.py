"""Certificates of clients with any names in them, for the tests of signing in."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
NOON = (BEGIN + datetime.timedelta(hours=12)).timestamp()
OIDS = {"CN": NameOID.COMMON_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "O": NameOID.ORGANIZATION_NAME}


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(*subject: tuple[str, str], alternative: Sequence[x509.GeneralName] = ()) -> bytes:
    """DER; nothing looks at its signature, which TLS has checked."""
    name = x509.Name([x509.NameAttribute(OIDS[kind], value, _validate=False) for kind, value in subject])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([]))
        .public_key(_key().public_key())
        .serial_number(1)
        .not_valid_before(BEGIN)
        .not_valid_after(END)
    )
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    return builder.sign(_key(), hashes.SHA256()).public_bytes(Encoding.DER)
