from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from tests.http.client import Application, Client, echo
from txregistry.http.connection import REQUESTS_PER_TURN
from txregistry.http.errors import BadMessage
from txregistry.http.limits import Limits
from txregistry.http.request import Request
from txregistry.http.response import Response

GET = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_request_is_answered_and_the_connection_kept() -> None:
    client = Client()
    client.send(GET % b"a")
    client.send(GET % b"b")
    assert [answer.body for answer in client.answers()] == [b"GET /a", b"GET /b"]
    assert "connection" not in client.answers()[0].headers
    assert not client.closed


def test_a_request_tells_what_its_head_said() -> None:
    client = Client()
    client.clock.advance(1_000)
    client.send(
        b"PUT /a%20b?x=1&y=a+b&x=%C3%A9&z HTTP/1.1\r\nHost: a:5000\r\nX-Many: 1\r\nx-many:  2 \r\nEmpty:\r\n\r\n"
    )
    (request,) = client.application.requests
    assert (request.method, request.path, request.query) == ("PUT", "/a b", "x=1&y=a+b&x=%C3%A9&z")
    assert request.target == "/a%20b?x=1&y=a+b&x=%C3%A9&z"
    assert request.arguments() == {"x": ["1", "é"], "y": ["a b"], "z": [""]}
    assert request.headers.all(b"x-many") == [b"1", b"2"]
    assert request.headers.get(b"empty") == b""
    assert request.headers.text(b"host") == "a:5000"
    assert (request.peer, request.peer_port, request.secure) == ("192.0.2.7", 40123, False)
    assert request.client_certificate is None
    assert request.received_at == 1_000
    assert request.body.complete


@pytest.mark.parametrize("query", ["a=%", "a=%f", "a=%ff", "%00=a", "a=%C0%AF"])
def test_a_query_that_is_not_valid_is_refused_when_it_is_read(query: str) -> None:
    client = Client()
    client.send(f"GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    with pytest.raises(BadMessage) as refused:
        client.application.requests[0].arguments()
    assert refused.value.status == 400


def test_an_absolute_target_replaces_the_host() -> None:
    # RFC 9112 §3.2.2: "the origin server MUST ignore the received Host header field (if any) and instead replace it
    # with the host information of the request-target".
    client = Client()
    client.send(b"GET http://right.example:5000/v2/?n=1 HTTP/1.1\r\nHost: wrong.example\r\n\r\n")
    (request,) = client.application.requests
    assert request.headers.all(b"host") == [b"right.example:5000"]
    assert (request.path, request.query) == ("/v2/", "n=1")


def test_pipelined_requests_are_answered_in_order_though_the_first_takes_long() -> None:
    waiting: list[Deferred[Response]] = []

    def handler(request: Request) -> Response | Deferred[Response]:
        if request.path == "/slow":
            waiting.append(Deferred())
            return waiting[0]
        return echo(request)

    client = Client(handler)
    client.send(GET % b"slow" + GET % b"b" + GET % b"c")
    assert client.raw == b""
    assert len(client.application.requests) == 1
    waiting[0].callback(Response(200, (), b"slow"))
    assert [answer.body for answer in client.answers()] == [b"slow", b"GET /b", b"GET /c"]


def test_a_bad_request_is_refused_after_the_good_ones_before_it() -> None:
    client = Client()
    client.send(GET % b"a" + GET % b"b" + b"nonsense\r\n\r\n" + GET % b"c")
    assert [answer.status for answer in client.answers()] == [200, 200, 400]
    assert len(client.application.problems) == 1
    assert client.closed


def test_many_pipelined_requests_take_more_than_one_turn() -> None:
    client = Client()
    client.send(GET % b"a" * 1_000)
    assert len(client.answers()) == REQUESTS_PER_TURN
    client.clock.advance(0)
    assert len(client.answers()) == 1_000


def test_a_client_that_pipelines_without_end_is_not_read_while_one_waits() -> None:
    client = Client(lambda request: Deferred())
    client.send(GET % b"a")
    assert client.wire.reading
    client.send(GET % b"b" * 10_000)
    assert not client.wire.reading
    assert len(client.application.requests) == 1


def test_reading_goes_on_when_there_is_room() -> None:
    waiting: list[Deferred[Response]] = []

    def handler(request: Request) -> Deferred[Response]:
        waiting.append(Deferred())
        return waiting[-1]

    client = Client(handler)
    client.send(GET % b"a" * 3_000)
    assert not client.wire.reading
    for answered in range(3_000):
        waiting[answered].callback(echo(client.application.requests[answered]))
    client.clock.advance(0)
    assert client.wire.reading
    assert len(client.answers()) == 3_000


def test_connection_close_is_heeded_and_what_follows_is_not_served() -> None:
    client = Client()
    client.send(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET % b"b")
    assert client.answer().headers["connection"] == "close"
    assert len(client.application.requests) == 1
    assert client.closed
    assert client.application.problems == []


def test_http_1_0_closes_unless_it_is_asked_to_keep() -> None:
    client = Client()
    client.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert client.answers()[0].headers["connection"] == "keep-alive"
    assert not client.closed
    client.send(b"GET /a HTTP/1.0\r\n\r\n")
    assert client.answers()[1].headers["connection"] == "close"
    assert client.closed


def test_an_answer_to_head_has_the_length_and_no_body() -> None:
    client = Client()
    client.send(b"HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n" + GET % b"b")
    head, get = client.answers("HEAD", "GET")
    assert (head.headers["content-length"], head.body) == ("9", b"")
    assert get.body == b"GET /b"


def test_an_answer_to_head_may_tell_a_length_of_its_own() -> None:
    client = Client(lambda request: Response(200, length=12345))
    client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.answer("HEAD").headers["content-length"] == "12345"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_no_length(status: int) -> None:
    # RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
    # (Informational) or 204 (No Content)".
    client = Client(lambda request: Response(status))
    client.send(GET % b"a" + GET % b"b")
    assert [answer.status for answer in client.answers()] == [status, status]
    assert "content-length" not in client.answers()[0].headers


def test_a_failing_handler_is_answered_with_500_and_the_connection_kept(logged: list[str]) -> None:
    def handler(request: Request) -> Response:
        if request.path == "/bug":
            raise ZeroDivisionError
        return echo(request)

    client = Client(handler)
    client.send(GET % b"bug" + GET % b"b")
    assert [answer.status for answer in client.answers()] == [500, 200]
    assert client.application.problems[0].status == 500
    assert logged == ["handler failed"]


def test_a_handler_may_refuse_a_request_and_the_connection_is_kept(logged: list[str]) -> None:
    def handler(request: Request) -> Response:
        request.arguments()
        return echo(request)

    client = Client(handler)
    client.send(GET % b"?a=%ff" + GET % b"b")
    assert [answer.status for answer in client.answers()] == [400, 200]
    assert logged == []


def test_a_handler_that_fails_later_is_answered_with_500(logged: list[str]) -> None:
    waiting: Deferred[Response] = Deferred()
    client = Client(lambda request: waiting)
    client.send(GET % b"a")
    waiting.errback(ZeroDivisionError())
    assert client.answer().status == 500
    assert logged == ["handler failed"]


def test_a_handler_that_cancels_itself_is_a_bug(logged: list[str]) -> None:
    waiting: Deferred[Response] = Deferred()
    client = Client(lambda request: waiting)
    client.send(GET % b"a")
    waiting.cancel()
    assert client.answer().status == 500
    assert logged == ["handler failed"]


@pytest.mark.parametrize(
    "response",
    [
        Response(200, ((b"Location", b"/a\r\nSet-Cookie: evil"),)),
        Response(200, ((b"Location", b"/a\nSet-Cookie: evil"),)),
        Response(200, ((b"Location", b"/a\rb"),)),
        Response(200, ((b"Location", b"/a\0b"),)),
        Response(200, ((b"X: a\r\nY", b"b"),)),
        Response(200, ((b"Transfer-Encoding", b"chunked"),), b"0\r\n\r\n"),
        Response(200, ((b"Connection", b"close"),)),
        Response(200, ((b"Date", b"now"),)),
        Response(200, ((b"Content-Length", b"3"),), b"four"),
        Response(200, ((b"Content-Length", b"3"),)),
        Response(100),
        Response(199),
        "no response at all",
        None,
        Response(200, ((b"X", "text"),)),  # type: ignore[arg-type]  # what a bug would pass
    ],
)
def test_an_answer_that_would_break_the_framing_is_a_bug_and_becomes_500(response: Response, logged: list[str]) -> None:
    client = Client(lambda request: response)
    client.send(GET % b"a" + GET % b"b")
    assert [answer.status for answer in client.answers()] == [500, 500]
    assert b"evil" not in client.raw
    assert logged == ["an answer cannot be sent"] * 2


def test_a_refusal_that_cannot_be_made_is_answered_all_the_same(logged: list[str]) -> None:
    class Speechless(Application):
        def refused(self, problem: BadMessage) -> Response:
            raise ZeroDivisionError

    client = Client(application=Speechless())
    client.send(b"nonsense\r\n\r\n")
    assert client.answer().status == 400
    assert logged == ["a refusal could not be made"]


def test_an_exchange_is_reported_when_it_is_over() -> None:
    client = Client()
    client.send(b"PUT /abc HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
    (exchange,) = client.application.exchanges
    assert exchange.request is client.application.requests[0]
    assert (exchange.status, exchange.received, exchange.sent) == (200, 5, 8)
    assert exchange.peer == "192.0.2.7"


def test_an_exchange_takes_as_long_as_its_handler() -> None:
    waiting: Deferred[Response] = Deferred()
    client = Client(lambda request: waiting)
    client.send(GET % b"a")
    client.clock.advance(3)
    waiting.callback(Response(204))
    assert client.application.exchanges[0].duration == 3


def test_a_refusal_is_reported_without_a_request() -> None:
    client = Client()
    client.send(b"nonsense\r\n\r\n")
    (exchange,) = client.application.exchanges
    assert (exchange.request, exchange.status, exchange.peer) == (None, 400, "192.0.2.7")


def test_an_exchange_is_over_when_the_kernel_has_its_last_byte() -> None:
    client = Client()
    client.wire.full = True
    client.send(GET % b"a" + GET % b"b")
    assert client.application.exchanges == []
    assert len(client.application.requests) == 1
    client.make_room()
    assert len(client.application.exchanges) == 2


def test_a_handler_is_cancelled_when_its_client_leaves() -> None:
    cancelled: list[Deferred[Response]] = []
    client = Client(lambda request: Deferred(cancelled.append))
    client.send(GET % b"a" + GET % b"b")
    client.leave()
    assert len(cancelled) == 1
    assert [exchange.status for exchange in client.application.exchanges] == [499]


def test_a_handler_that_answers_after_its_client_left_hurts_nobody(logged: list[str]) -> None:
    async def stubborn() -> Response:
        try:
            await Deferred()
        except CancelledError:
            return Response(200, (), b"too late")
        raise AssertionError("never reached")

    client = Client(lambda request: Deferred.fromCoroutine(stubborn()))
    client.send(GET % b"a")
    client.leave()
    assert client.raw == b""
    assert [exchange.status for exchange in client.application.exchanges] == [499]
    assert logged == []


def test_a_client_may_close_its_half_and_still_be_answered() -> None:
    waiting: list[Deferred[Response]] = []

    def handler(request: Request) -> Deferred[Response]:
        waiting.append(Deferred())
        return waiting[-1]

    client = Client(handler)
    client.send(GET % b"a" + GET % b"b")
    client.finish_sending()
    waiting[0].callback(Response(200, (), b"1"))
    assert not client.closed
    waiting[1].callback(Response(200, (), b"2"))
    assert [answer.body for answer in client.answers()] == [b"1", b"2"]
    assert client.closed


def test_a_client_that_closes_its_half_between_requests_is_let_go() -> None:
    client = Client()
    client.send(GET % b"a")
    client.finish_sending()
    assert client.closed


def test_a_client_that_closes_its_half_within_a_head_is_let_go() -> None:
    client = Client()
    client.send(b"GET / HTT")
    client.finish_sending()
    assert client.closed
    assert client.raw == b""


def test_empty_lines_before_a_request_are_skipped() -> None:
    # RFC 9112 §2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty
    # line (CRLF) received prior to the request-line".
    client = Client()
    client.send(b"\r\n\r\n" + GET % b"a")
    assert client.answer().body == b"GET /a"


def test_a_connection_takes_room_from_its_beginning_to_its_end() -> None:
    client = Client(limits=Limits(connections=2))
    assert client.factory.room() == 1
    client.leave()
    assert client.factory.room() == 2
