"""Stop serving without breaking off what was begun."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.concurrency.shield import settled

# How long commits, and the saving of uploads that were cut off, may take after the last connection is gone, in seconds.
SETTLE = 30.0

_log = Logger()


class Drainable(Protocol):
    """Has connections that can be brought to an end."""

    def drain(self, seconds: float) -> Deferred[None]:
        """Fire when no connection is left, which is about `seconds` from now at the latest."""


class Drain:
    """The way out: first the connections end, then the steps that must not be cut in half."""

    def __init__(self, connections: Drainable, clock: IReactorTime, seconds: float) -> None:
        """`seconds` is http.draintimeout; 0 breaks connections off at once, as Distribution does."""
        self._connections = connections
        self._clock = clock
        self._seconds = seconds
        self._ended: Deferred[None] | None = None

    async def run(self) -> None:
        """Return when nothing is going on any more, or when `SETTLE` has passed without that. Called once."""
        self._ended = Deferred()
        self._begin()
        await self._ended
        steps = Deferred.fromCoroutine(settled())
        steps.addTimeout(SETTLE, self._clock)
        try:
            await steps
        except TimeoutError:
            _log.error("steps still running at the end", seconds=SETTLE)

    def hurry(self) -> None:
        """Break off the connections that are left, or will be; `run` returns as soon as the commits are done."""
        self._seconds = 0
        if self._ended is not None:
            self._begin()

    def _begin(self) -> None:
        self._connections.drain(self._seconds).addCallback(self._none_left)

    def _none_left(self, _result: None) -> None:
        if self._ended is not None and not self._ended.called:
            self._ended.callback(None)
