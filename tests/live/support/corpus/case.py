"""One request that no well-behaved client sends, with the answers that are right."""

from __future__ import annotations

from attrs import frozen

from tests.live.support.client import MANIFEST
from tests.live.support.raw import head

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"
CRLF = b"\r\n"


@frozen
class Case:
    """The bytes of a request; `codes` are those of the specification that may stand in the body."""

    name: str
    request: bytes
    statuses: tuple[int, ...]
    codes: tuple[str, ...] = ()


def sized(method: str, target: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A request with a body of known length."""
    return head(method, target, {"Content-Length": str(len(body)), **(headers or {})}) + body


def put_manifest(target: str, body: bytes) -> bytes:
    """A PUT of an OCI manifest."""
    return sized("PUT", target, body, {"Content-Type": MANIFEST})
