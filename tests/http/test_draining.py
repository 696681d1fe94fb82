from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.http.client import Application, Client
from txregistry.http.limits import Limits
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.server import HTTPFactory

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


class Server:
    """A factory with an application whose answers are given by hand."""

    def __init__(self) -> None:
        self.first = Client(self.handle)
        self.factory = self.first.factory
        self.waiting: list[Deferred[Response]] = []
        self.drained: list[None] = []

    def handle(self, request: Request) -> Deferred[Response]:
        self.waiting.append(Deferred(lambda _: None))
        return self.waiting[-1]

    def connect(self) -> Client:
        return Client(application=self.first.application, factory=self.factory, clock=self.first.clock)

    def drain(self, seconds: float = 10) -> None:
        self.factory.drain(seconds).addCallback(self.drained.append)


def test_idle_connections_close_at_once() -> None:
    server = Server()
    second = server.connect()
    second.send(GET)
    server.waiting[0].callback(Response(204))
    server.drain()
    assert server.first.closed
    assert second.closed
    assert server.drained == []
    server.first.leave()
    second.leave()
    assert server.drained == [None]


def test_without_connections_there_is_nothing_to_wait_for() -> None:
    server = Server()
    server.first.leave()
    server.drain()
    assert server.drained == [None]


def test_an_exchange_under_way_ends_and_says_that_it_is_the_last() -> None:
    server = Server()
    server.first.send(GET)
    server.drain()
    assert not server.first.closed
    server.waiting[0].callback(Response(200, (), b"a"))
    assert server.first.answer().headers["connection"] == "close"
    # The client may be sending its next request at this moment: a reset would cost it this answer.
    assert server.first.wire.half_closed
    assert not server.first.wire.disconnecting
    server.first.finish_sending()
    assert server.first.wire.disconnecting
    server.first.leave()
    assert server.drained == [None]
    assert server.first.clock.getDelayedCalls() == []


def test_a_body_that_is_arriving_may_come_to_its_end() -> None:
    async def handler(request: Request) -> Response:
        return Response(201, (), await request.body.read(100))

    client = Client(lambda request: Deferred.fromCoroutine(handler(request)))
    client.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
    client.factory.drain(10)
    client.send(b"llo")
    assert client.answer().body == b"hello"
    assert client.answer().headers["connection"] == "close"


def test_a_head_that_is_arriving_is_still_answered() -> None:
    client = Client()
    client.send(GET[:10])
    client.factory.drain(10)
    assert not client.closed
    client.send(GET[10:])
    assert client.answer().headers["connection"] == "close"


def test_after_the_deadline_connections_are_aborted() -> None:
    server = Server()
    server.first.send(GET)
    server.drain(10)
    server.first.clock.advance(9)
    assert not server.first.wire.disconnected
    server.first.clock.advance(1)
    assert server.first.wire.disconnected
    server.first.leave()
    assert server.drained == [None]


def test_who_connects_while_draining_is_served_once() -> None:
    server = Server()
    server.first.send(GET)
    server.drain()
    late = server.connect()
    late.send(GET + GET)
    server.waiting[1].callback(Response(200, (), b"late"))
    assert late.answer().headers["connection"] == "close"
    assert len(server.waiting) == 2


def test_limits_may_differ_from_factory_to_factory() -> None:
    client = Client(limits=Limits(target=10))
    client.send(b"GET /0123456789 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.answer().status == 414
    factory = HTTPFactory(Application(), client.clock)
    assert factory.limits == Limits()
