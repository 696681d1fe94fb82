"""A token server's half of the protocol, by `cryptography` alone: keys, certificates, key sets and signed tokens."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
from typing import Any

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
NOW = 1_800_000_000.0
ISSUER, SERVICE = "auth.example", "registry.example"

_HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}

# Making them takes long, so there is one of each for all tests.
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
P256, P384, P521 = (ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()))
OTHER_P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
SECRET = b"s" * 64


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign(key: PrivateKey | bytes, algorithm: str, message: bytes) -> bytes:
    family, digest = algorithm[:2], _HASHES.get(algorithm[2:], hashes.SHA256())
    if isinstance(key, bytes):
        return hmac.digest(key, message, f"sha{algorithm[2:]}")
    if isinstance(key, rsa.RSAPrivateKey):
        if family == "PS":
            return key.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return key.sign(message, padding.PKCS1v15(), digest)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return key.sign(message)


def token(header: dict[str, Any], claims: dict[str, Any], key: PrivateKey | bytes) -> str:
    head, body = (base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{head}.{body}.{base64url(sign(key, str(header['alg']), f'{head}.{body}'.encode()))}"


def claims(now: float = NOW, **changes: Any) -> dict[str, Any]:
    """Those of a token that may pull and push library/app; a change to None leaves one out."""
    all_of_them = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": SERVICE,
        "exp": int(now) + 300,
        "nbf": int(now),
        "iat": int(now),
        "jti": "1",
        "access": [{"type": "repository", "name": "library/app", "actions": ["pull", "push"]}],
        **changes,
    }
    return {name: value for name, value in all_of_them.items() if value is not None}


def jwk(key: PrivateKey | bytes) -> dict[str, str]:
    """The public part, written by hand."""
    if isinstance(key, bytes):
        return {"kty": "oct", "k": base64url(key)}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": base64url(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point, size = key.public_key().public_numbers(), (key.curve.key_size + 7) // 8
        curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[key.curve.name]
        x, y = (base64url(number.to_bytes(size, "big")) for number in (point.x, point.y))
        return {"kty": "EC", "crv": curve, "x": x, "y": y}
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_key().public_bytes_raw())}


def thumbprint_of(key: PrivateKey) -> str:
    """RFC 7638, by hand."""
    return base64url(hashlib.sha256(json.dumps(jwk(key), sort_keys=True, separators=(",", ":")).encode()).digest())


@frozen
class Issued:
    """A certificate and its key, and those above it, the nearest first."""

    key: PrivateKey
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = field(default=())

    @property
    def chain(self) -> list[str]:
        """As `x5c` has it."""
        return [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in (self.certificate, *self.above)]

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def issue(
    key: PrivateKey, by: Issued | None = None, ca: bool = False, days: tuple[int, int] = (-1, 1), name: str = "x"
) -> Issued:
    """Signed by itself, or by another one."""
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = key if by is None else by.key
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment + datetime.timedelta(days=days[0]))
        .not_valid_after(moment + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return Issued(key, certificate, () if by is None else (by.certificate, *by.above))
