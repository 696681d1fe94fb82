"""Which heads are remembered, and that nobody can tell."""

from __future__ import annotations

import pytest

from tests.http.client import Client
from txregistry.http.known import LONGEST, MOST, KnownHeads

GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"


def seen(*heads: bytes) -> KnownHeads:
    """What a server remembers when it has been sent these, each on a connection of its own."""
    first = Client()
    for head in heads:
        Client(factory=first.factory).send(head)
    return first.factory.known


def test_a_head_that_comes_again_is_the_same_request_of_another_client() -> None:
    first = Client()
    second = Client(application=first.application, factory=first.factory)
    first.send(GET)
    first.clock.advance(7)
    second.send(GET)
    one, other = first.application.requests
    assert seen(GET).get(GET) is not None
    assert (one.method, one.path, one.query, one.target) == ("GET", "/a", "b", "/a?b")
    assert (other.method, other.path, other.query, other.target) == ("GET", "/a", "b", "/a?b")
    assert list(one.headers) == list(other.headers)
    assert other.received_at - one.received_at == 7
    assert other.body is not one.body


def test_what_the_application_notes_on_a_request_is_not_seen_by_the_next() -> None:
    client = Client()
    client.send(GET)
    client.application.requests[0].user = "alice"
    client.application.requests[0].grant = object()
    client.send(GET)
    assert (client.application.requests[1].user, client.application.requests[1].grant) == (None, None)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nCOOKIE: a=b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + LONGEST * b"x" + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=["password", "cookie", "last", "body", "chunks", "expectation", "long", "no host", "nonsense"],
)
def test_what_is_secret_or_long_or_leads_to_more_is_not_remembered(head: bytes) -> None:
    assert seen(head).get(head) is None


def test_a_head_in_pieces_is_not_remembered_under_its_last() -> None:
    client = Client()
    client.send(GET[:9], GET[9:])
    assert client.factory.known.get(GET[9:]) is None
    assert client.answer().body == b"GET /a"


def test_the_oldest_is_forgotten_first() -> None:
    heads = [b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(MOST + 1)]
    known = seen(*heads)
    assert known.get(heads[0]) is None
    assert all(known.get(head) is not None for head in heads[1:])


def test_a_known_head_within_a_body_is_a_part_of_the_body() -> None:
    client = Client()
    client.send(GET)
    client.send(b"PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(GET), GET)
    assert [request.target for request in client.application.requests] == ["/a?b", "/b"]
    client.send(GET)
    assert [request.target for request in client.application.requests] == ["/a?b", "/b", "/a?b"]
