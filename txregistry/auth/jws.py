"""A signed token taken apart (RFC 7515, compact serialization), before anything in it is believed."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping

from attrs import frozen

from txregistry.auth.errors import BadCredentials

# Just below what the server takes of a request's head altogether.
LONGEST = 60_000
_PART = re.compile(r"[A-Za-z0-9_-]*")


@frozen
class SignedToken:
    """Header and claims as JSON objects, and what was signed by what."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    message: bytes
    signature: bytes


def parse_token(text: str) -> SignedToken:
    """Raise `BadCredentials` for what is no token, or asks for extensions that nobody here understands."""
    if len(text) > LONGEST:
        raise BadCredentials("the token is too long")
    parts = text.split(".")
    if len(parts) != 3:
        raise BadCredentials("the token has not three parts")
    header = _object(parts[0])
    # RFC 7515 §4.1.11: "If any of the listed extension Header Parameters are not understood and supported by the
    # recipient, then the JWS is invalid." None are; `b64` (RFC 7797) is one of them.
    if "crit" in header:
        raise BadCredentials("the token asks for an extension")
    message = f"{parts[0]}.{parts[1]}".encode("ascii")
    return SignedToken(header, _object(parts[1]), message, _decoded(parts[2]))


def _decoded(part: str) -> bytes:
    if _PART.fullmatch(part) is None:
        raise BadCredentials("a part of the token is no base64url")
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise BadCredentials("a part of the token is no base64url") from None


def _object(part: str) -> Mapping[str, object]:
    try:
        document = json.loads(_decoded(part), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise BadCredentials("a part of the token is no JSON") from None
    if not isinstance(document, dict):
        raise BadCredentials("a part of the token is no JSON object")
    return document


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """RFC 7515 §4: "The Header Parameter names within the JOSE Header MUST be unique"."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError
    return document
