"""Small documents from another server, over sockets of this machine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
import pytest_twisted  # type: ignore[import-untyped]  # it has no annotations
from twisted.internet.protocol import Factory, Protocol

from txregistry.auth.trustkeeper import FetchFailed
from txregistry.daemon.fetching import LARGEST, fetch
from txregistry.daemon.interfaces import IReactor

pytestmark = pytest.mark.live

Test = Callable[..., Coroutine[Any, Any, None]]
in_reactor = cast(Callable[[Test], Test], pytest_twisted.ensureDeferred)


class Says(Protocol):
    """Says the same to everybody, and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def dataReceived(self, _data: bytes) -> None:
        """A request."""
        assert self.transport is not None
        self.transport.write(self._answer)
        self.transport.loseConnection()


async def fetched(answer: bytes) -> bytes:
    from twisted.internet import reactor as installed

    reactor: Any = installed
    port = reactor.listenTCP(0, Factory.forProtocol(lambda: Says(answer)), interface="127.0.0.1")
    try:
        return await fetch(reactor, f"http://127.0.0.1:{port.getHost().port}/keys")
    finally:
        await port.stopListening()


@in_reactor
async def test_what_is_there_is_fetched() -> None:
    assert await fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") == b"{}"
    assert await fetched(b"HTTP/1.1 200 OK\r\n\r\n{}") == b"{}"


@in_reactor
async def test_what_is_not_an_answer_of_its_own_is_refused() -> None:
    large = b"x" * (LARGEST + 1)
    for answer, reason in (
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope", "status 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "broke"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(large), large), "too large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + large, "too large"),
        (b"nonsense\r\n\r\n", ""),
    ):
        with pytest.raises(FetchFailed) as caught:
            await fetched(answer)
        assert reason in caught.value.reason


@in_reactor
async def test_where_nobody_listens_nothing_is_fetched() -> None:
    from twisted.internet import reactor as installed

    for url in ("http://127.0.0.1:1/keys", "http://127.0.0.1:99999999/", "http://\u00e4/"):
        with pytest.raises(FetchFailed):
            await fetch(cast(IReactor, installed), url)
