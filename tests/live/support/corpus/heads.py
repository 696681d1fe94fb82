"""Heads and framing that cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from tests.live.support.corpus.case import CRLF, Case

# Bodies of a chunked request that is otherwise fine, with the statuses that are right.
CHUNKS = {
    "a hexadecimal prefix": (b"0x3\r\nabc\r\n0\r\n\r\n", (400,)),
    "no size": (b"\r\nabc\r\n0\r\n\r\n", (400,)),
    "a negative size": (b"-3\r\nabc\r\n0\r\n\r\n", (400,)),
    "a signed size": (b"+3\r\nabc\r\n0\r\n\r\n", (400,)),
    "a size above 64 bits": (b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n", (400,)),
    "a size of 1 MB": (b"0" * 1_000_000 + b"3\r\nabc\r\n0\r\n\r\n", (400, 431)),
    "more than announced": (b"3\r\nabcdef\r\n0\r\n\r\n", (400,)),
    "a bare LF": (b"3\nabc\n0\n\n", (400,)),
    "an extension of 1 MB": (b"3;a=" + b"b" * 1_000_000 + b"\r\nabc\r\n0\r\n\r\n", (400, 431)),
    "a trailer of 1 MB": (b"3\r\nabc\r\n0\r\nX-A: " + b"b" * 1_000_000 + b"\r\n\r\n", (400, 431)),
    "20,000 trailers": (b"3\r\nabc\r\n0\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n", (400, 431)),
    "a broken trailer": (b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n", (400,)),
    # RFC 9112, 7.1.1: "A recipient MUST ignore unrecognized chunk extensions."
    "a small extension": (b"3;a=b\r\nabc\r\n0\r\n\r\n", (202,)),
    "a small trailer": (b"3\r\nabc\r\n0\r\nHost: evil.example\r\n\r\n", (202,)),
}


def heads() -> Iterator[Case]:
    """Heads that cannot be trusted: framing, sizes, targets."""
    start = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n"
    upload = b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\n"
    for why, lines in {
        "two lengths that differ": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "two equal lengths": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "a list of lengths": b"Content-Length: 3, 3\r\n\r\nabc",
        "a signed length": b"Content-Length: +3\r\n\r\nabc",
        "a negative length": b"Content-Length: -1\r\n\r\n",
        "a length with an underscore": b"Content-Length: 1_0\r\n\r\n0123456789",
        "a hexadecimal length": b"Content-Length: 0x3\r\n\r\nabc",
        "an empty length": b"Content-Length: \r\n\r\n",
        "a length of 5000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        "a length above 64 bits": b"Content-Length: 18446744073709551616\r\n\r\n",
        "a space before the colon": b"Content-Length : 3\r\n\r\nabc",
        "length and chunked": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "chunked, chunked": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "identity": b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
        "a vertical tab in chunked": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "a folded line": b"X-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "a bare LF": b"X-A: b\nContent-Length: 0\r\n\r\n",
        "a bare CR": b"X-A: b\rc\r\nContent-Length: 0\r\n\r\n",
        "a NUL in a value": b"X-A: b\x00c\r\nContent-Length: 0\r\n\r\n",
        "a header without a colon": b"nonsense\r\nContent-Length: 0\r\n\r\n",
        "a header without a name": b": nothing\r\nContent-Length: 0\r\n\r\n",
        "a second Host": b"Host: evil.example\r\nContent-Length: 0\r\n\r\n",
    }.items():
        yield Case(f"head, {why}", upload + lines, (400,))
    yield Case(
        "head, an encoding of transfer that is unknown",
        upload + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        (400, 501),
    )
    yield Case("head, no Host", b"GET /v2/ HTTP/1.1\r\n\r\n", (400,))
    for host in (b"a b", b"a/b", b"evil.example/@", b"[::1", b"a\xff"):
        yield Case(f"head, Host {host!r}", b"GET /v2/ HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", (400,))
    yield Case(
        "head, chunked in HTTP/1.0",
        b"POST /v2/a/blobs/uploads/ HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        (400,),
    )
    yield Case("head, HTTP/2.0", b"GET /v2/ HTTP/2.0\r\nHost: localhost\r\n\r\n", (400, 505))
    yield Case("head, the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 405, 501, 505))
    yield Case("head, HTTP/9.9", b"GET /v2/ HTTP/9.9\r\nHost: localhost\r\n\r\n", (400, 505))
    yield Case("head, no version", b"GET /v2/\r\nHost: localhost\r\n\r\n", (400, 505))
    yield Case("head, nonsense", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32 + CRLF * 2, (400,))
    yield Case("head, a lower-case method", b"get /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 405, 501))
    yield Case("head, an unknown method", b"BREW /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 405, 501))
    yield Case("target, authority", b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 405, 501))
    yield Case("target, asterisk", b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 404))
    yield Case("target, a space", b"GET /v2/ a HTTP/1.1\r\nHost: localhost\r\n\r\n", (400,))
    yield Case("target, a control character", b"GET /v2/\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n", (400,))
    yield Case("target, not ASCII", b"GET /v2/\xc3\xbc/tags/list HTTP/1.1\r\nHost: localhost\r\n\r\n", (400,))
    yield Case("target, 100 KB", b"GET /v2/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", (414,))
    yield Case("head, a value of 5 MB", start + b"X-A: " + b"b" * 5_000_000 + CRLF * 2, (431,))
    yield Case("head, a name of 200 KB", start + b"X" * 200_000 + b": b" + CRLF * 2, (431,))
    yield Case("head, 20,000 headers", start + b"X-A: b\r\n" * 20_000 + CRLF, (431,))
    yield Case("head, an expectation nobody knows", start + b"Expect: the-unexpected\r\n\r\n", (417,))
