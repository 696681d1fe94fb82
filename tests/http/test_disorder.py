"""Whatever happens in whatever order, each exchange is reported once and nothing is left behind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from tests.http.client import Client, Sink, errors_logged
from tests.http.test_sending import Pieces
from txregistry.http.errors import BodyAborted
from txregistry.http.request import Request
from txregistry.http.response import Response

SENT = {
    "get": b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n",
    "get source": b"GET /source HTTP/1.1\r\nHost: a\r\n\r\n",
    "get many": b"GET /now HTTP/1.1\r\nHost: a\r\n\r\n" * 40,
    "get and close": b"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "put": b"PUT /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n",
    "put unread": b"PUT /now HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    "put expecting": b"PUT /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n",
    "put chunked": b"PUT /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunk": b"5\r\nhello\r\n",
    "last chunk": b"0\r\n\r\n",
    "little": b"x" * 20,
    "much": b"y" * 99_980,
    "nonsense": b"nonsense\r\n\r\n",
}
ACTIONS = ["answer", "pause", "resume", "full", "room", "second", "minute", "half", "drain", "source"]


class Disorder:
    """A client, and handles on all that can happen to it."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Response]] = []
        self.sinks: list[Sink] = []
        self.sources: list[Pieces] = []
        self.drained = False
        self.client = Client(self.handle)

    def handle(self, request: Request) -> Response | Deferred[Response]:
        if request.path == "/now":
            return Response(200, (), b"now")
        if request.path == "/source":
            self.sources.append(Pieces([b"x" * 10] * 10, by_hand=True))
            return Response(200, (), self.sources[-1])
        if request.path == "/stream":
            return Deferred.fromCoroutine(self.stream(request))
        self.waiting.append(Deferred(self.cancelled))
        return self.waiting[-1]

    def cancelled(self, waiting: Deferred[Response]) -> None:
        if waiting in self.waiting:
            self.waiting.remove(waiting)

    async def stream(self, request: Request) -> Response:
        self.sinks.append(Sink())
        try:
            return Response(201, (), b"%d" % await request.body.stream_to(self.sinks[-1]))
        except (BodyAborted, CancelledError):
            return Response(400)

    def act(self, action: str) -> None:
        connection, wire = self.client.connection, self.client.wire
        open_ = not (connection.half_closed or wire.disconnecting)
        if action in SENT:
            if open_:
                self.client.send(SENT[action])
        elif action == "answer" and self.waiting:
            self.waiting.pop(0).callback(Response(200, (), b"answer"))
        elif action in ("pause", "resume"):
            for sink in self.sinks:
                if sink.registered:
                    (sink.producer.pauseProducing if action == "pause" else sink.producer.resumeProducing)()
        elif action == "full":
            wire.full = True
        elif action == "room":
            self.client.make_room()
        elif action == "half" and open_:
            self.client.finish_sending()
        elif action == "drain" and not self.drained:
            self.drained = True
            self.client.factory.drain(1_000)
        elif action == "source":
            for source in self.sources:
                source.run()
        elif action in ("second", "minute"):
            self.client.wait(1 if action == "second" else 60)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.sampled_from([*SENT, *ACTIONS]), max_size=25))
def test_each_exchange_is_reported_once_and_nothing_is_left_behind(actions: list[str]) -> None:
    with errors_logged() as errors:
        disorder = Disorder()
        for action in actions:
            disorder.act(action)
        client = disorder.client
        client.leave()
        # A body that came whole is still written to a reader that was paused.
        disorder.act("resume")
        application = client.application
        reported = [exchange.request for exchange in application.exchanges if exchange.request is not None]
        assert reported == application.requests
        assert len(application.exchanges) - len(reported) <= 1
        assert all(source.closed == 1 for source in disorder.sources)
        assert not any(sink.registered for sink in disorder.sinks)
        assert client.clock.getDelayedCalls() == []
        assert b"500 Internal" not in client.raw
    assert errors == []
