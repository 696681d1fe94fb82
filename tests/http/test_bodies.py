from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from tests.http.client import Client, Sink
from txregistry.http.body import HIGH_WATER, RequestBody
from txregistry.http.errors import BodyAborted, BodyAlreadyRead, BodyTooLarge
from txregistry.http.request import Request
from txregistry.http.response import Response

LENGTH = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


class Streaming:
    """A handler that streams each body to a sink and answers with its length."""

    def __init__(self, sink: Sink | None = None) -> None:
        self.sink = sink or Sink()
        self.failures: list[BaseException] = []

    def __call__(self, request: Request) -> Deferred[Response]:
        return Deferred.fromCoroutine(self._stream(request))

    async def _stream(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(200, (), b"got")
        try:
            count = await request.body.stream_to(self.sink)
        except BaseException as failure:
            self.failures.append(failure)
            raise
        return Response(201, (), b"%d" % count)


@pytest.mark.parametrize(
    "within", [LENGTH % 10 + b"helloworld", CHUNKED + b"5\r\nhello\r\n5;a=b\r\nworld\r\n0\r\n\r\n"]
)
def test_a_body_streams_to_its_consumer(within: bytes) -> None:
    handler = Streaming()
    client = Client(handler)
    client.send(within + NEXT)
    assert handler.sink.data == b"helloworld"
    assert not handler.sink.registered
    assert [(answer.status, answer.body) for answer in client.answers()] == [(201, b"10"), (200, b"got")]


def test_a_body_reaches_its_consumer_as_it_comes() -> None:
    handler = Streaming()
    client = Client(handler)
    client.send(LENGTH % 10, b"he")
    assert handler.sink.data == b"he"
    client.send(b"llo")
    assert handler.sink.data == b"hello"
    assert client.raw == b""
    client.send(b"world")
    assert client.answer().status == 201


def test_a_handler_runs_before_the_body_has_come() -> None:
    client = Client(lambda request: Deferred())
    client.send(LENGTH % 10)
    assert client.application.requests[0].body.length == 10
    assert not client.application.requests[0].body.complete


def test_a_chunked_body_has_no_length() -> None:
    client = Client(lambda request: Deferred())
    client.send(CHUNKED)
    assert client.application.requests[0].body.length is None


def test_large_pieces_of_a_declared_length_are_passed_on_as_they_are() -> None:
    handler = Streaming()
    client = Client(handler)
    piece = b"x" * 262_144
    client.send(LENGTH % (2 * len(piece)), piece, piece + NEXT)
    assert handler.sink.pieces == [piece, piece]
    assert handler.sink.pieces[0] is piece
    assert [answer.status for answer in client.answers()] == [201, 200]


def test_chunks_that_come_at_once_are_joined() -> None:
    handler = Streaming()
    client = Client(handler)
    client.send(CHUNKED, b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n")
    assert handler.sink.pieces == [b"x" * 10_000]


def test_pieces_that_came_before_the_reader_are_joined() -> None:
    client = Client(lambda request: Deferred())
    client.send(LENGTH % 100, b"x", b"y", b"z")
    sink = Sink()
    client.application.requests[0].body.stream_to(sink)
    assert sink.pieces == [b"xyz"]


def test_a_paused_consumer_stops_the_socket_and_gets_nothing() -> None:
    handler = Streaming(Sink(lambda sink: sink.producer.pauseProducing()))
    client = Client(handler)
    client.send(CHUNKED, b"1\r\nx\r\n")
    assert handler.sink.data == b"x"
    assert not client.wire.reading
    client.send(b"1\r\ny\r\n")
    assert handler.sink.data == b"x"


def test_a_resumed_consumer_gets_what_waited_and_the_socket_is_read_again() -> None:
    handler = Streaming()
    client = Client(handler)
    client.send(LENGTH % 10 + b"he")
    handler.sink.producer.pauseProducing()
    assert not client.wire.reading
    client.send(b"llo")
    assert handler.sink.data == b"he"
    handler.sink.producer.resumeProducing()
    assert handler.sink.data == b"hello"
    assert client.wire.reading
    client.send(b"world")
    assert client.answer().body == b"10"


def test_a_consumer_may_pause_and_resume_within_each_write() -> None:
    def flutter(sink: Sink) -> None:
        sink.producer.pauseProducing()
        sink.producer.resumeProducing()

    handler = Streaming(Sink(flutter))
    client = Client(handler)
    client.send(CHUNKED + b"2\r\nxy\r\n" * 20, b"0\r\n\r\n" + NEXT)
    assert handler.sink.data == b"xy" * 20
    assert client.wire.reading
    assert [answer.body for answer in client.answers()] == [b"40", b"got"]


def test_a_consumer_that_pauses_at_the_last_piece_does_not_delay_the_end() -> None:
    handler = Streaming(Sink(lambda sink: sink.producer.pauseProducing()))
    client = Client(handler)
    client.send(LENGTH % 5 + b"hello" + NEXT)
    assert [answer.body for answer in client.answers()] == [b"5", b"got"]
    assert client.wire.reading


def test_a_consumer_that_stops_within_a_write_gets_no_more() -> None:
    handler = Streaming(Sink(lambda sink: sink.producer.stopProducing()))
    client = Client(handler)
    client.send(CHUNKED, b"1\r\nx\r\n", b"1\r\ny\r\n")
    assert handler.sink.data == b"x"
    assert not handler.sink.registered
    assert [type(failure) for failure in handler.failures] == [BodyAborted]
    assert client.answer().headers["connection"] == "close"


def test_what_a_consumer_raises_reaches_its_handler(logged: list[str]) -> None:
    def trip(sink: Sink) -> None:
        raise ZeroDivisionError

    handler = Streaming(Sink(trip))
    client = Client(handler)
    client.send(LENGTH % 5 + b"hello")
    assert [type(failure) for failure in handler.failures] == [ZeroDivisionError]
    assert client.answer().status == 500
    assert logged == ["handler failed"]


def test_a_client_that_leaves_aborts_the_body_after_all_that_came() -> None:
    handler = Streaming()
    client = Client(handler)
    client.send(LENGTH % 100 + b"hello")
    handler.sink.producer.pauseProducing()
    client.send(b"world")
    client.leave()
    assert [type(failure) for failure in handler.failures] == [BodyAborted]
    assert handler.sink.data == b"helloworld"
    assert [exchange.status for exchange in client.application.exchanges] == [499]


def test_bytes_that_waited_for_a_paused_reader_are_not_lost_when_the_client_leaves() -> None:
    handler = Streaming(Sink(lambda sink: sink.producer.pauseProducing()))
    client = Client(handler)
    client.send(CHUNKED, b"5\r\nhello\r\n", b"5\r\nworld\r\n")
    assert handler.sink.data == b"hello"
    client.leave()
    assert handler.sink.data == b"helloworld"
    assert not handler.sink.registered


def test_a_handler_that_reads_the_body_may_clean_up_when_the_client_leaves() -> None:
    cleaned_up: list[str] = []
    cleaning: Deferred[None] = Deferred()

    async def handler(request: Request) -> Response:
        try:
            await request.body.stream_to(Sink())
        except BodyAborted:
            await cleaning
            cleaned_up.append(request.path)
            raise
        raise AssertionError("never reached")

    client = Client(lambda request: Deferred.fromCoroutine(handler(request)))
    client.send(LENGTH % 100 + b"hello")
    client.leave()
    cleaning.callback(None)
    assert cleaned_up == ["/a"]


def test_a_client_that_closes_its_half_within_a_body_aborts_it() -> None:
    handler = Streaming()
    client = Client(handler)
    client.send(LENGTH % 100 + b"hello")
    client.finish_sending()
    assert [type(failure) for failure in handler.failures] == [BodyAborted]
    assert [exchange.status for exchange in client.application.exchanges] == [499]
    assert client.closed


def test_a_body_has_one_reader() -> None:
    client = Client(lambda request: Deferred())
    client.send(LENGTH % 10)
    body = client.application.requests[0].body
    body.stream_to(Sink())
    with pytest.raises(BodyAlreadyRead):
        body.stream_to(Sink())
    with pytest.raises(BodyAlreadyRead):
        body.read(10)


def test_a_cancelled_reading_lets_go_of_the_consumer() -> None:
    client = Client(lambda request: Deferred())
    client.send(LENGTH % 10 + b"he")
    sink, failures = Sink(), []
    reading = client.application.requests[0].body.stream_to(sink)
    reading.addErrback(lambda failure: failures.append(failure.value))
    reading.cancel()
    client.send(b"llo")
    assert sink.data == b"he"
    assert not sink.registered
    assert isinstance(failures[0], CancelledError)


def read(limit: int) -> Client:
    async def handler(request: Request) -> Response:
        if request.method == "GET":
            return Response(200, (), b"got")
        try:
            return Response(200, (), await request.body.read(limit))
        except BodyTooLarge:
            return Response(413)

    return Client(lambda request: Deferred.fromCoroutine(handler(request)))


@pytest.mark.parametrize("body", [LENGTH % 5 + b"hello", CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"])
def test_a_body_is_read_whole_up_to_the_limit(body: bytes) -> None:
    client = read(5)
    client.send(body + NEXT)
    assert [answer.body for answer in client.answers()] == [b"hello", b"got"]


@pytest.mark.parametrize("body", [LENGTH % 5 + b"hello", CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"])
@pytest.mark.parametrize("cut", range(60, 95, 5))
def test_a_body_is_read_whole_however_it_comes(body: bytes, cut: int) -> None:
    client = read(5)
    client.send(body[:cut], body[cut:] + NEXT)
    assert [answer.body for answer in client.answers()] == [b"hello", b"got"]


def test_a_body_declared_too_large_is_refused_before_it_comes() -> None:
    client = read(5)
    client.send(LENGTH % 100_000)
    assert client.answer().status == 413


def test_a_chunked_body_that_is_too_large_is_refused_once_it_is() -> None:
    client = read(5)
    client.send(CHUNKED + b"5\r\nhello\r\n")
    assert client.raw == b""
    client.send(b"1\r\nx\r\n")
    assert client.answer().status == 413
    assert client.answer().headers["connection"] == "close"


def test_an_empty_body_is_read_at_once() -> None:
    client = read(5)
    client.send(LENGTH % 0 + b"PUT /b HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [answer.body for answer in client.answers()] == [b"", b""]


# 100 Continue


EXPECT = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"


def test_continue_is_said_when_the_body_is_first_read() -> None:
    waiting: Deferred[None] = Deferred()

    async def handler(request: Request) -> Response:
        await waiting
        return Response(200, (), await request.body.read(100))

    client = Client(lambda request: Deferred.fromCoroutine(handler(request)))
    client.send(EXPECT % 5)
    assert client.raw == b""
    waiting.callback(None)
    assert client.raw == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hello")
    assert [answer.status for answer in client.answers("PUT")] == [100, 200]
    assert not client.closed


def test_continue_is_not_said_when_the_answer_needs_no_body_and_the_connection_ends() -> None:
    # RFC 9110 §10.1.1: "A server that responds with a final status code instead of reading the entire request content
    # SHOULD indicate whether it intends to close the connection".
    client = Client(lambda request: Response(401))
    client.send(EXPECT % 5)
    assert client.answer().status == 401
    assert client.answer().headers["connection"] == "close"


def test_continue_is_not_said_when_the_body_is_declared_too_large() -> None:
    client = read(5)
    client.send(EXPECT % 6)
    assert client.answer().status == 413


def test_continue_is_not_said_when_some_of_the_body_is_there() -> None:
    # RFC 9110 §10.1.1: "A server MAY omit sending a 100 (Continue) response if it has already received some or all of
    # the content for the corresponding request".
    client = read(5)
    client.send(EXPECT % 5 + b"he", b"llo")
    assert client.answer().status == 200


def test_continue_is_not_said_to_http_1_0() -> None:
    # RFC 9110 §10.1.1: "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that
    # expectation."
    client = read(5)
    client.send(b"PUT /a HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", b"hello")
    assert client.answer().body == b"hello"


def test_continue_is_said_in_its_turn_when_requests_are_pipelined() -> None:
    client = read(5)
    client.send(NEXT + EXPECT % 5)
    assert [answer.status for answer in client.answers()] == [200, 100]
    client.send(b"hello")
    assert [answer.status for answer in client.answers("GET", "PUT")] == [200, 100, 200]


# Answers before the body has come


def test_an_early_answer_to_a_long_body_ends_the_connection_gently() -> None:
    client = Client(lambda request: Response(403, (), b"no"))
    client.send(LENGTH % 10_000_000 + b"x" * 1_000)
    assert client.answer().headers["connection"] == "close"
    assert client.wire.half_closed
    assert not client.wire.disconnecting
    client.send(b"x" * 1_000_000)
    assert not client.wire.disconnecting
    client.finish_sending()
    assert client.wire.disconnecting


def test_after_an_early_answer_no_more_than_so_much_is_discarded() -> None:
    client = Client(lambda request: Response(403))
    client.send(CHUNKED)
    for _ in range(64):
        client.send(b"x" * 1_048_576)
    assert not client.wire.disconnected
    client.send(b"x")
    assert client.wire.disconnected


def test_a_short_rest_of_an_unread_body_is_swallowed_and_the_connection_kept() -> None:
    client = Client(lambda request: Response(404))
    client.send(LENGTH % 10 + b"hel")
    assert client.answer().status == 404
    client.send(b"loworld" + NEXT)
    assert [answer.status for answer in client.answers()] == [404, 404]
    assert [request.method for request in client.application.requests] == ["PUT", "GET"]


def test_an_unread_body_that_is_there_already_does_not_end_the_connection() -> None:
    client = Client(lambda request: Response(404))
    client.send(CHUNKED + b"3000\r\n" + b"x" * 0x3000 + b"\r\n0\r\n\r\n" + NEXT)
    assert [answer.status for answer in client.answers()] == [404, 404]


def test_an_early_answer_while_a_reader_is_paused_takes_the_body_from_it() -> None:
    answer: Deferred[Response] = Deferred()
    sink, failures = Sink(), []

    def handler(request: Request) -> Deferred[Response]:
        request.body.stream_to(sink).addErrback(lambda failure: failures.append(failure.type))
        return answer

    client = Client(handler)
    client.send(CHUNKED + b"1\r\nx\r\n")
    sink.producer.pauseProducing()
    answer.callback(Response(503))
    assert failures == [BodyAborted]
    assert not sink.registered
    assert client.answer().headers["connection"] == "close"
    assert client.wire.reading


def test_an_unread_body_is_taken_in_only_so_far() -> None:
    client = Client(lambda request: Deferred())
    client.send(LENGTH % 10_000_000)
    assert client.wire.reading
    client.send(b"x" * HIGH_WATER)
    assert not client.wire.reading


def test_what_came_before_the_reader_is_read_first() -> None:
    client = Client(lambda request: Deferred())
    client.send(LENGTH % 100_000 + b"x" * HIGH_WATER)
    sink = Sink()
    client.application.requests[0].body.stream_to(sink)
    assert sink.data == b"x" * HIGH_WATER
    assert client.wire.reading


def test_a_body_alone_can_be_fed_and_read() -> None:
    body = RequestBody(None)
    body.feed(b"hello")
    body.complete = True
    results: list[bytes] = []
    body.read(5).addCallback(results.append)
    assert results == [b"hello"]
