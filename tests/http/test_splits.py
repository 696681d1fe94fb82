"""However a stream of requests is cut into pieces, the answers are the same."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tests.http.client import Client
from txregistry.http.request import Request
from txregistry.http.response import Response

STREAMS = [
    b"GET /a HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t b\r\n\r\nGET /b?c HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nGET / HTTP/1GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;x=y\r\nhello\r\n00a\r\n\r\n\r\n\r\nabcd\r\n0\r\nT: r\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhello"
    b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\nPUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\n\r\nnonsense\r\n\r\n",
]


def echo_body(request: Request) -> Deferred[Response]:
    async def handler() -> Response:
        body = await request.body.read(1_000)
        return Response(200, (), f"{request.method} {request.target} ".encode() + body)

    return Deferred.fromCoroutine(handler())


def outcome(pieces: list[bytes], before: bytes = b"") -> tuple[bytes, list[str], bool]:
    """What comes of these; another client has sent what came `before`."""
    client = Client(echo_body)
    Client(application=client.application, factory=client.factory).send(before)
    client.application.requests.clear()
    client.send(*pieces)
    return client.raw, [request.target for request in client.application.requests], client.closed


def test_each_stream_is_served_alike_wherever_it_is_cut_in_two() -> None:
    for stream in STREAMS:
        expected = outcome([stream])
        for cut in range(len(stream) + 1):
            assert outcome([stream[:cut], stream[cut:]]) == expected, (stream, cut)
            assert outcome([stream[:cut], stream[cut:]], before=stream) == expected, (stream, cut)


def test_each_stream_is_served_alike_byte_by_byte() -> None:
    for stream in STREAMS:
        assert outcome([bytes((byte,)) for byte in stream]) == outcome([stream]), stream


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(STREAMS), min_size=1, max_size=3), st.lists(st.integers(1, 400), max_size=12))
def test_streams_behind_each_other_are_served_alike_in_any_pieces(streams: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(streams)
    places = [0, *sorted(cut % len(stream) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert outcome(pieces) == outcome([stream]) == outcome(pieces, before=stream)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=20),
    st.lists(st.integers(0, 8_000), max_size=10),
    st.booleans(),
)
def test_a_body_arrives_as_it_was_sent(chunks: list[bytes], cuts: list[int], chunked: bool) -> None:
    body = b"".join(chunks)
    if chunked:
        head = b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    else:
        head = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        coded = body
    stream = head + coded
    places = [0, *sorted(cut % len(stream) for cut in cuts), len(stream)]

    async def handler(request: Request) -> Response:
        return Response(200, (), await request.body.read(10_000))

    client = Client(lambda request: Deferred.fromCoroutine(handler(request)))
    client.send(*(stream[start:end] for start, end in pairwise(places)))
    assert client.answer().body == body


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=400))
def test_nonsense_is_refused_or_waited_for_and_never_an_error(logged_nonsense: bytes) -> None:
    client = Client(echo_body)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + logged_nonsense)
    statuses = [answer.status for answer in client.answers()]
    assert statuses[0] == 200
    assert 500 not in statuses
