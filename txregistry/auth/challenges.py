"""How the parts of Authorization and WWW-Authenticate are written."""

from __future__ import annotations

import base64
import binascii

from txregistry.auth.errors import BadCredentials
from txregistry.auth.interfaces import Credentials

# A line longer than this holds no password that anybody has chosen.
LONGEST_BASIC = 4096


def quoted(text: str) -> str:
    """A quoted-string (RFC 9110 §5.6.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_basic(authorization: str) -> tuple[str, bytes] | None:
    """User and password of Basic credentials (RFC 7617), None where they are none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(authorization) > LONGEST_BASIC:
        return None
    try:
        decoded = base64.b64decode(encoded.strip(" "), validate=True)
        name, colon, password = decoded.partition(b":")
        user = name.decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None


def offered_password(authorization: str) -> tuple[str, bytes] | None:
    """User and password that somebody wants to sign in with, None where both are empty; raise `BadCredentials`.

    Empty ones are what skopeo, podman and buildah send where they have none and were asked for some.
    """
    basic = parse_basic(authorization)
    if basic is None:
        raise BadCredentials("no user and password")
    return None if basic == ("", b"") else basic


def parse_bearer(authorization: str) -> str | None:
    """The token of Bearer credentials (RFC 6750 §2.1), None where there is none."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip(" ")
    return token if scheme.lower() == "bearer" and token else None


def basic_credentials(user: str, password: str, peer: str) -> Credentials:
    """As if the two had been sent in the header."""
    encoded = base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode("ascii")
    return Credentials(f"Basic {encoded}", peer)
