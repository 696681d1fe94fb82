"""A small document from another server."""

from __future__ import annotations

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from txregistry.auth.trustkeeper import FetchFailed
from txregistry.daemon.interfaces import IReactor

LARGEST = 1024 * 1024
TIMEOUT_SECONDS = 10.0


class _Collector(Protocol):
    """Takes a body of at most so many bytes."""

    def __init__(self, most: int) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._most = most
        self._pieces = bytearray()

    def dataReceived(self, data: bytes) -> None:
        """Some of it."""
        self._pieces += data
        if len(self._pieces) > self._most and self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """All of it, or no more than this."""
        if len(self._pieces) > self._most:
            self.done.errback(FetchFailed("it is too large"))
        elif not isinstance(reason.value, ResponseDone | PotentialDataLoss):
            self.done.errback(FetchFailed("the connection broke"))
        else:
            self.done.callback(bytes(self._pieces))


async def fetch(reactor: IReactor, url: str) -> bytes:
    """What is at a URL: at most 1 MiB, within ten seconds, without following it elsewhere. Fail with `FetchFailed`."""
    agent = Agent(reactor, connectTimeout=TIMEOUT_SECONDS)  # type: ignore[no-untyped-call]  # Twisted's own
    result = Deferred.fromCoroutine(_fetch(agent, url))
    result.addTimeout(TIMEOUT_SECONDS, reactor)
    try:
        return await result
    except TimeoutError:
        raise FetchFailed("it takes too long") from None
    except (ResponseFailed, ConnectError, DNSLookupError, OSError, ValueError) as error:
        raise FetchFailed(str(error) or type(error).__name__) from None


async def _fetch(agent: Agent, url: str) -> bytes:
    response: IResponse = await agent.request(b"GET", url.encode("ascii"))
    collector = _Collector(LARGEST)
    if response.code != 200:
        collector = _Collector(0)
        response.deliverBody(collector)  # type: ignore[no-untyped-call]  # Twisted's own
        collector.done.addErrback(lambda failure: b"")
        raise FetchFailed(f"the answer has the status {response.code}")
    response.deliverBody(collector)  # type: ignore[no-untyped-call]  # Twisted's own
    return await collector.done
