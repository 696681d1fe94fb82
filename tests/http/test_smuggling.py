"""What must not pass: each case is one that some server, or a pair of them, has taken for something else."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.http.client import Client
from txregistry.http.limits import Limits
from txregistry.http.request import Request
from txregistry.http.response import Response

MALFORMED = {
    "both lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other way": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
    ),
    "two equal lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx",
    "a signed length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
    "a negative length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx",
    "an underscored length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nx",
    "a hexadecimal length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx",
    "an empty length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
    "a length beyond 64 bits": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "a length of 5,000 digits": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a space before the colon": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\nx",
    "a transfer coding twice": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunked that is not last": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    "a first line that begins with a space": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "a bare line feed in the fields": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
    "a NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
    "a NUL in a name": b"GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
    "a control character in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x01c\r\n\r\n",
    "a line without a colon": b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "an unknown method": b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no protocol": b"GET / FTP/1.1\r\nHost: a\r\n\r\n",
    "a byte above ASCII in the target": b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a control character in the target": b"GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a NUL in the path": b"GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path that is not UTF-8": b"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two hosts in HTTP/1.0": b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host that is none": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_head_is_refused_and_nothing_behind_it_is_served(name: str) -> None:
    client = Client()
    client.send(MALFORMED[name] + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.answer().status == 400
    assert client.answer().headers["connection"] == "close"
    assert client.application.requests == []
    assert client.closed


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_head_is_refused_however_it_is_cut(name: str) -> None:
    client = Client()
    client.send(*(bytes((byte,)) for byte in MALFORMED[name]))
    client.send(b"\r\n\r\n")
    assert client.answer().status == 400
    assert client.application.requests == []


OTHERWISE_REFUSED = [
    (501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
    (501, b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    (501, b"CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    (505, b"GET /\r\n\r\n"),
    (417, b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\nContent-Length: 1\r\n\r\n"),
    (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 74_000 + b"\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 201 + b"\r\n"),
]


@pytest.mark.parametrize(("status", "head"), OTHERWISE_REFUSED)
def test_what_is_not_served_is_told_so(status: int, head: bytes) -> None:
    client = Client()
    client.send(head)
    assert client.answer().status == status
    assert client.application.requests == []
    assert client.closed


def test_a_field_value_that_never_ends_is_refused_before_it_does() -> None:
    client = Client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    for _ in range(100):
        if client.raw:
            break
        client.send(b"a" * 1024)
    assert client.answer().status == 431


def test_a_target_that_never_ends_is_refused_before_it_does() -> None:
    client = Client()
    client.send(b"GET /")
    for _ in range(10):
        client.send(b"a" * 1024)
    assert client.answer().status == 414


def test_a_head_within_the_limits_is_served() -> None:
    client = Client()
    target = (
        b"/v2/" + b"n" * 255 + b"?" + b"&".join(b"tag=" + b"t" * 128 for _ in range(10)) + b"&_state=" + b"s" * 4000
    )
    client.send(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + b"a" * 60_000 + b"\r\n\r\n")
    assert client.answer().status == 200


async def count_body(request: Request) -> Response:
    return Response(200, (), b"%d" % len(await request.body.read(10_000_000)))


def reading(request: Request) -> Deferred[Response]:
    return Deferred.fromCoroutine(count_body(request))


CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

MALFORMED_CHUNKS = {
    "a size that is no number": b"x\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n",
    "a signed size": b"+3\r\nabc\r\n",
    "no size": b"\r\nabc\r\n",
    "a size beyond 64 bits": b"fffffffffffffffff\r\n",
    "data longer than its size": b"3\r\nabcd\r\n",
    "a bare line feed behind the size": b"3\nabc\r\n",
    "a bare line feed behind the data": b"3\r\nabc\n",
    "spaces around the size": b" 3 \r\nabc\r\n",
    "a NUL in an extension": b"3;a=\0\r\nabc\r\n",
}


@pytest.mark.parametrize("name", MALFORMED_CHUNKS)
def test_a_malformed_chunk_ends_body_and_connection(name: str) -> None:
    client = Client()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head + MALFORMED_CHUNKS[name] + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [request.path for request in client.application.requests] == ["/"]
    assert client.answer().headers["connection"] == "close"
    assert client.closed


def test_trailers_are_read_and_dropped() -> None:
    client = Client()
    client.send(
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\nExpires: never\r\nHost: evil\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert [answer.body for answer in client.answers()] == [b"POST /a", b"GET /b"]
    assert client.application.requests[0].headers.all(b"host") == [b"a"]


def test_a_length_in_the_trailers_is_refused() -> None:
    client = Client(reading)
    client.send(
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\nContent-Length: 7\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert client.answer().status == 400
    assert client.closed


@pytest.mark.parametrize(
    "trailer",
    [b"X: " + b"a" * 1_000_000, b"X: a\r\n" * 100_000, b"X" * 1_000_000],
)
def test_trailers_that_do_not_end_are_refused(trailer: bytes) -> None:
    client = Client(limits=Limits(linger_bytes=100))
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    body = client.application.requests[0].body
    client.send(b"0\r\n" + trailer)
    assert not body.complete
    assert client.closed


@pytest.mark.parametrize("chunk", [b"1;" + b"a" * 1_000_000, b"1;" + b"a" * 16_000 + b"\r\nx\r\n"])
def test_chunk_extensions_that_do_not_end_are_refused(chunk: bytes) -> None:
    client = Client(reading)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(chunk * 20)
    assert client.answer().status == 400
    assert client.closed


def test_chunk_extensions_and_tiny_chunks_are_served() -> None:
    client = Client(reading)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"1;a=b\r\nx\r\n" * 20_000 + b"0\r\n\r\n")
    assert client.answer().body == b"20000"


def test_trailers_that_are_refused_are_the_answer_to_their_request() -> None:
    client = Client(reading)
    client.send(CHUNKED_HEAD + b"1\r\nx\r\n0\r\n" + b"X: a\r\n" * 201 + b"\r\n")
    assert client.answer().status == 431
    assert len(client.application.exchanges) == 1


UPGRADE = b"Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


def test_an_upgrade_is_not_obliged_to_happen() -> None:
    client = Client()
    client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n" + UPGRADE + b"\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [answer.body for answer in client.answers()] == [b"GET /a", b"GET /b"]


@pytest.mark.parametrize(
    ("field", "body"),
    [(b"Content-Length: 10\r\n", b"GET /x HTT"), (b"Transfer-Encoding: chunked\r\n", b"a\r\nGET /x HTT\r\n0\r\n\r\n")],
)
@pytest.mark.parametrize("cut", range(0, 18, 3))
def test_the_body_of_an_upgrade_is_a_body(field: bytes, body: bytes, cut: int) -> None:
    client = Client(reading)
    client.send(
        b"PUT /a HTTP/1.1\r\nHost: a\r\n" + UPGRADE + field + b"\r\n" + body[:cut],
        body[cut:] + b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    assert [answer.body for answer in client.answers()] == [b"10", b"0"]
