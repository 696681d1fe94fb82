from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.http.client import Client, Sink
from tests.http.test_bodies import Streaming
from txregistry.http.deadlines import Deadlines, Phase
from txregistry.http.limits import Limits
from txregistry.http.response import Response
from txregistry.http.sources import IBodySource

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
PUT = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"
LIMITS = Limits(head_seconds=30, idle_seconds=120, rate_seconds=60, minimum_rate=100)


def test_a_head_that_drips_is_refused_though_bytes_keep_coming() -> None:
    client = Client(limits=LIMITS)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    for _ in range(31):
        assert client.raw == b""
        client.send(b"a")
        client.wait(1)
    assert client.answer().status == 408
    assert client.answer().headers["connection"] == "close"


def test_a_second_head_has_as_long_as_the_first() -> None:
    client = Client(limits=LIMITS)
    client.send(GET)
    client.wait(100)
    client.send(b"GET / HT")
    client.wait(30)
    assert not client.closed
    client.wait(2)
    assert [answer.status for answer in client.answers()] == [200, 408]


def test_a_client_that_says_nothing_is_let_go_without_a_word() -> None:
    client = Client(limits=LIMITS)
    client.wait(30)
    assert not client.closed
    client.wait(2)
    assert client.closed
    assert client.raw == b""


def test_an_idle_connection_is_closed_after_its_time() -> None:
    client = Client(limits=LIMITS)
    client.send(GET)
    client.wait(120)
    assert not client.closed
    client.wait(2)
    assert client.closed
    assert len(client.answers()) == 1


def test_a_connection_in_use_is_not_idle() -> None:
    client = Client(limits=LIMITS)
    for _ in range(10):
        client.send(GET)
        client.wait(100)
    assert not client.closed


def test_a_handler_may_take_as_long_as_it_takes() -> None:
    waiting: Deferred[Response] = Deferred()
    client = Client(lambda request: waiting, limits=LIMITS)
    client.send(GET)
    client.wait(1_000)
    waiting.callback(Response(204))
    assert client.answer().status == 204


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    handler = Streaming()
    client = Client(handler, limits=LIMITS)
    client.send(PUT)
    for _ in range(61):
        client.send(b"x" * 50)
        client.wait(1)
    assert client.answer().status == 408
    assert client.answer().headers["connection"] == "close"
    assert len(handler.failures) == 1
    assert len(handler.sink.data) >= 50 * 59


def test_a_body_that_comes_fast_enough_is_not() -> None:
    client = Client(Streaming(), limits=LIMITS)
    client.send(PUT)
    for _ in range(200):
        client.send(b"x" * 101)
        client.wait(1)
    assert client.raw == b""


def test_a_body_whose_reader_is_paused_is_not_the_clients_fault() -> None:
    handler = Streaming()
    client = Client(handler, limits=LIMITS)
    client.send(PUT + b"x")
    handler.sink.producer.pauseProducing()
    client.wait(1_000)
    assert client.raw == b""


def test_a_rest_that_is_swallowed_must_come_too() -> None:
    client = Client(lambda request: Response(404), limits=LIMITS)
    client.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n")
    assert not client.closed
    client.wait(62)
    assert client.wire.disconnected


@implementer(IBodySource)
class Endless:
    """Never writes by itself."""

    length = 1_000_000

    def start(self, consumer: object) -> Deferred[None]:
        """Nothing comes."""
        return Deferred()

    def close(self) -> None:
        """Nothing is open."""


def test_an_answer_that_is_taken_too_slowly_is_cut_off() -> None:
    client = Client(lambda request: Response(200, (), b"x" * 10_000_000), limits=LIMITS)
    client.wire.full = True
    client.send(GET)
    client.wait(60)
    assert not client.wire.disconnected
    client.wait(1)
    assert client.wire.disconnected
    client.leave()
    assert client.application.exchanges[0].status == 200


def test_an_answer_that_is_taken_fast_enough_is_not() -> None:
    client = Client(lambda request: Response(200, (), b"x" * 1_000_000), limits=LIMITS)
    client.wire.full = True
    client.send(GET)
    for _ in range(200):
        client.wire.unsent -= 101
        client.wait(1)
    assert not client.wire.disconnected


def test_an_answer_whose_source_is_slow_is_not() -> None:
    client = Client(lambda request: Response(200, (), Endless()), limits=LIMITS)
    client.send(GET)
    client.wait(1_000)
    assert not client.wire.disconnected


def test_a_handler_whose_client_has_closed_its_half_is_cancelled_after_a_while() -> None:
    cancelled: list[Deferred[Response]] = []
    client = Client(lambda request: Deferred(cancelled.append), limits=LIMITS)
    client.send(GET)
    client.finish_sending()
    client.wait(2)
    assert cancelled == []
    client.wait(1)
    assert len(cancelled) == 1
    assert [exchange.status for exchange in client.application.exchanges] == [499]
    assert client.closed


def test_a_client_that_was_told_to_go_has_five_seconds() -> None:
    client = Client(limits=LIMITS)
    client.send(b"nonsense\r\n\r\n")
    assert client.wire.half_closed
    client.wait(5)
    assert not client.wire.disconnected
    client.send(b"more nonsense")
    client.wait(1)
    assert client.wire.disconnected


def test_nothing_is_watched_when_nobody_is_connected() -> None:
    client = Client(limits=LIMITS)
    assert len(client.clock.getDelayedCalls()) == 1
    client.leave()
    assert client.clock.getDelayedCalls() == []


def test_a_rate_is_judged_window_by_window() -> None:
    deadlines = Deadlines(Limits(rate_seconds=10, minimum_rate=10))
    assert not any(deadlines.expired(Phase.SENDING, 1, progress) for progress in range(0, 110, 10))
    fast_then_nothing = [1_000] * 10
    assert not any(deadlines.expired(Phase.SENDING, 1, progress) for progress in fast_then_nothing)
    assert [deadlines.expired(Phase.SENDING, 1, 1_000) for _ in range(10)] == [False] * 9 + [True]


def test_another_phase_begins_anew() -> None:
    deadlines = Deadlines(Limits(idle_seconds=3))
    for serial in range(20):
        assert not deadlines.expired(Phase.IDLE, serial, 0)
        assert not deadlines.expired(Phase.IDLE, serial, 0)


def test_a_sink_is_let_go_when_its_body_is_refused() -> None:
    sink = Sink()
    client = Client(Streaming(sink), limits=LIMITS)
    client.send(PUT)
    client.wait(61)
    assert not sink.registered
