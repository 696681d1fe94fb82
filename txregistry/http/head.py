"""What the fields of a request's head say about its framing, and whether it may be served at all."""

from __future__ import annotations

from attrs import define

from txregistry.http.errors import BadMessage
from txregistry.http.headers import Field
from txregistry.http.target import is_authority

_LOOKED_AT = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))


@define
class Framing:
    """`length` is None for a chunked body."""

    length: int | None = 0
    expects_continue: bool = False


def examine(fields: list[Field], version: str) -> Framing:
    """Judge a head by the rules of RFC 9112 that the parser leaves to us; raise `BadMessage`."""
    if version != "1.1" and version != "1.0":
        raise BadMessage(505, "this server speaks HTTP/1.1")
    framing = Framing()
    hosts = 0
    for name, value in fields:
        if name not in _LOOKED_AT:
            continue
        if name == b"host":
            hosts += 1
            if not is_authority(value):
                raise BadMessage(400, "the Host field is not a host")
        elif name == b"content-length":
            # The parser has refused all but one run of digits that fits in 64 bits.
            framing.length = int(value)
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked":
                raise BadMessage(501, "the only transfer coding served is chunked")
            if version == "1.0":
                # RFC 9112 §6.1: "A server ... that receives an HTTP/1.0 message containing a Transfer-Encoding header
                # field MUST treat the message as if the framing is faulty".
                raise BadMessage(400, "HTTP/1.0 has no transfer codings")
            framing.length = None
        elif version == "1.1":
            if value.lower() != b"100-continue":
                raise BadMessage(417, "the only expectation met is 100-continue")
            framing.expects_continue = True
    # RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that
    # lacks a Host header field and to any request message that contains more than one Host header field line".
    if hosts != 1 and (hosts > 1 or version == "1.1"):
        raise BadMessage(400, "a request has exactly one Host field")
    return framing
