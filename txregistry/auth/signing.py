"""A key that signs our own tokens: how it is made, kept and used."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from attrs import field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from txregistry.auth.keys import BadKey, thumbprint

ALGORITHM = "ES256"
_COORDINATE_BYTES = 32


@frozen
class SigningKey:
    """A key on P-256; `key_id` is its RFC 7638 thumbprint, `created` in seconds since the epoch."""

    key_id: str
    created: float
    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls, now: float) -> SigningKey:
        """A new one."""
        private = ec.generate_private_key(ec.SECP256R1())
        return cls(thumbprint(private.public_key()), now, private)

    @classmethod
    def load(cls, content: bytes) -> SigningKey:
        """From what `dump` gave. Raise `BadKey`."""
        try:
            document = json.loads(content)
            created = float(document["created"])
            private = load_pem_private_key(document["key"].encode("ascii"), None)
        except (ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm) as error:
            raise BadKey from error
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
            raise BadKey
        return cls(thumbprint(private.public_key()), created, private)

    def dump(self) -> bytes:
        """For a file that nobody else may read."""
        pem = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return json.dumps({"created": self.created, "key": pem.decode("ascii")}).encode("ascii")

    def sign(self, kind: str, claims: Mapping[str, object]) -> str:
        """A token of these claims (RFC 7515, compact); `kind` is its `typ`."""
        header = {"alg": ALGORITHM, "typ": kind, "kid": self.key_id}
        message = f"{_part(header)}.{_part(claims)}"
        r, s = decode_dss_signature(self.private.sign(message.encode("ascii"), ec.ECDSA(hashes.SHA256())))
        # RFC 7518 §3.4: both numbers one after the other, each as long as the curve's order.
        signature = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
        return f"{message}.{_base64url(signature)}"


def _part(document: Mapping[str, object]) -> str:
    return _base64url(json.dumps(document, separators=(",", ":")).encode("ascii"))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
