"""The request target: from bytes to an authority, a path and a query (RFC 9112 §3.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from txregistry.http.errors import BadMessage

_ABSOLUTE = re.compile(rb"https?://([^/?#@]*)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# uri-host [":" port] of RFC 3986: a bracketed literal, or a name whose characters need no quoting.
_AUTHORITY = re.compile(rb"(?:\[[0-9A-Fa-f:.vV]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]{0,5})?")


class Target(NamedTuple):
    """`authority` is given by the absolute form alone; `path` is decoded, `query` is not."""

    authority: bytes | None
    path: str
    query: str


def parse_target(target: bytes, method: str) -> Target:
    """Take a target apart; raise `BadMessage` (400, or 501 for CONNECT) where it is none that this server serves."""
    if target.startswith(b"/"):
        authority = None
        encoded, _, query = target.partition(b"?")
    elif target == b"*" and method == "OPTIONS":
        return Target(None, "*", "")
    elif method == "CONNECT":
        raise BadMessage(501, "this server opens no tunnels")
    else:
        form = _ABSOLUTE.fullmatch(target)
        if form is None or not form[1] or not is_authority(form[1]):
            raise BadMessage(400, "the request target is neither a path nor an http URL")
        authority, encoded, query = form[1], form[2] or b"/", (form[3] or b"?")[1:]
    if b"#" in target:
        raise BadMessage(400, "the request target has a fragment")
    return Target(authority, decode_path(encoded), query.decode("ascii"))


def decode_path(encoded: bytes) -> str:
    """Percent-decode once, as strict UTF-8; raise `BadMessage(400)` on bad escapes or UTF-8, or control characters."""
    if b"%" not in encoded:
        return encoded.decode("ascii")
    path = unquote(encoded)
    if _CONTROL.search(path):
        raise BadMessage(400, "the path has a control character")
    return path


def unquote(encoded: bytes) -> str:
    """Decode `%XX` as strict UTF-8; raise `BadMessage(400)` where that is impossible."""
    if len(_ESCAPE.findall(encoded)) != encoded.count(b"%"):
        raise BadMessage(400, "a percent sign is not followed by two hexadecimal digits")
    try:
        return _ESCAPE.sub(lambda escape: bytes((int(escape[1], 16),)), encoded).decode("utf-8")
    except UnicodeDecodeError:
        raise BadMessage(400, "a percent-encoded text is not UTF-8") from None


@lru_cache(maxsize=256)
def is_authority(value: bytes) -> bool:
    """Whether this may stand in a Host field (RFC 9110 §7.2); empty may."""
    return _AUTHORITY.fullmatch(value) is not None
