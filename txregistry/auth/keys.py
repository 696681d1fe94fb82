"""Public keys that sign tokens: what they are called, how they are written in JSON, and what they may sign by."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
# Bytes are a secret that is shared with the token server.
Key = PublicKey | bytes

_PRIMITIVES = get_default_algorithms()
# RFC 7518 §3.4: each of these goes with one curve.
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_READERS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA", "oct": "HS256"}
# RFC 7518 §3.3: "A key of size 2048 bits or larger MUST be used with these algorithms."
_SMALLEST_RSA = 2048


class BadKey(Exception):
    """No public key that can sign a token."""


def as_key(found: object) -> PublicKey:
    """The same object, if it is a key of a kind that signs tokens. Raise `BadKey`."""
    if isinstance(found, PublicKey):
        return found
    raise BadKey


def key_from_jwk(document: object) -> Key:
    """The public part of a JSON Web Key (RFC 7517). Raise `BadKey`."""
    if not isinstance(document, dict):
        raise BadKey
    try:
        found = _PRIMITIVES[_READERS[document["kty"]]].from_jwk(document)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadKey from error
    if isinstance(found, bytes):
        return found
    return as_key(found.public_key() if hasattr(found, "public_key") else found)


def libtrust_id(key: PublicKey) -> str:
    """What Docker's libtrust calls a key, and Distribution 2 looks for: 240 bits of SHA-256 in groups of Base32."""
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    text = base64.b32encode(digest[:30]).decode("ascii")
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def thumbprint(key: PublicKey) -> str:
    """The key's RFC 7638 thumbprint by SHA-256, which Distribution 3 looks for."""
    members = json.dumps(_members(key), sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(members.encode("ascii")).digest())


def fits(key: Key, algorithm: str) -> bool:
    """Whether this key may be used with this algorithm, whatever a token says (RFC 8725 §3.1)."""
    family, bits = algorithm[:2], algorithm[2:]
    if isinstance(key, bytes):
        # RFC 7518 §3.2: "A key of the same size as the hash output ... or larger MUST be used with this algorithm."
        return family == "HS" and len(key) * 8 >= int(bits)
    if isinstance(key, rsa.RSAPublicKey):
        return family in ("RS", "PS") and key.key_size >= _SMALLEST_RSA
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(algorithm) == key.curve.name
    return algorithm == "EdDSA"


def signed_by(key: Key, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Whether the signature is right; never with an algorithm that does not fit the key."""
    return fits(key, algorithm) and bool(_PRIMITIVES[algorithm].verify(message, key, signature))


def _members(key: PublicKey) -> Mapping[str, str]:
    """RFC 7638 §3.2, and RFC 8037 §2 for Ed25519."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "e": _integer(numbers.e), "n": _integer(numbers.n)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point, size = key.public_numbers(), (key.curve.key_size + 7) // 8
        curve = _CURVE_NAMES.get(key.curve.name, key.curve.name)
        return {"kty": "EC", "crv": curve, "x": _integer(point.x, size), "y": _integer(point.y, size)}
    return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _integer(number: int, size: int = 0) -> str:
    return _base64url(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
