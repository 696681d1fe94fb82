"""The ways to sign in that are measured: what a server's configuration says, and what clients send."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import jwt

__all__ = ["NO_SIGN_IN", "SignIn", "make_pair", "ways_to_sign_in"]

# What `htpasswd -B` takes unless told otherwise. The peers compute the hash for every request.
_BCRYPT_COST = 5
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class SignIn:
    """One of them."""

    section: str
    """The configuration's `auth`."""
    headers: tuple[str, ...]
    """Lines of every request."""


NO_SIGN_IN = SignIn("", ())


def ways_to_sign_in(folder: Path, repositories: tuple[str, ...]) -> dict[str, SignIn]:
    """Write the files that they need into the folder; whoever signs in may pull from and push to the repositories."""
    return {"none": NO_SIGN_IN, "htpasswd": _password(folder), "token": _token(folder, repositories)}


def _password(folder: Path) -> SignIn:
    path = folder / "htpasswd"
    path.write_bytes(b"user:" + bcrypt.hashpw(b"password", bcrypt.gensalt(_BCRYPT_COST)) + b"\n")
    # What was written a moment ago could change without a new time, and would be read again and again.
    os.utime(path, (1e9, 1e9))
    section = f"auth:\n  htpasswd:\n    realm: bench\n    path: {path}\n"
    return SignIn(section, (f"Authorization: Basic {base64.b64encode(b'user:password').decode()}",))


def _token(folder: Path, repositories: tuple[str, ...]) -> SignIn:
    """A certificate in the token's head, and the same one as what is trusted: Distribution 2 knows no other file."""
    certificate, key = make_pair(folder, "token")
    chain = "".join(certificate.read_text().splitlines()[1:-1])
    granted = [{"type": "repository", "name": name, "actions": ["pull", "push"]} for name in repositories]
    now = int(time.time())
    claims = {
        "iss": "bench",
        "aud": "bench",
        "sub": "user",
        "jti": "1",
        "iat": now,
        "nbf": now - 60,
        "exp": now + 24 * _HOUR,
        "access": granted,
    }
    token = jwt.encode(claims, key.read_bytes(), "ES256", {"x5c": [chain]})
    options = {"realm": "http://127.0.0.1/token", "service": "bench", "issuer": "bench"}
    options["rootcertbundle"] = str(certificate)
    return SignIn(f"auth: {json.dumps({'token': options})}\n", (f"Authorization: Bearer {token}",))


def make_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Files in PEM with a self-signed P-256 certificate for this machine, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key
