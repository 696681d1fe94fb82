"""How fast a collection goes: it takes turns with requests, and keeps to a rate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txregistry.concurrency.turns import Turns

# Waits shorter than this are saved up, because a timer costs more than they last (seconds).
_SHORTEST = 0.02
# How often it is asked whether to go on (seconds).
_WATCHED_EVERY = 0.1


class Pace:
    """`await pace.step()` before each file that is looked at."""

    def __init__(
        self, clock: IReactorTime, turns: Turns, rate: float | None, watch: Callable[[], Awaitable[None]]
    ) -> None:
        """`watch` is called now and then; what it raises ends the collection."""
        self._clock = clock
        self._watch = watch
        self._watch_again = clock.seconds()
        self._loop = turns.loop()
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._due = clock.seconds()

    async def step(self) -> None:
        """Go on when it is time."""
        now = self._clock.seconds()
        if now >= self._watch_again:
            self._watch_again = now + _WATCHED_EVERY
            await self._watch()
        if self._interval:
            # What was not used up is lost: a rate is a ceiling, not a debt.
            self._due = max(self._due, now) + self._interval
            if self._due - now >= _SHORTEST:
                waiting: Deferred[None] = Deferred()
                self._clock.callLater(self._due - now, waiting.callback, None)
                await waiting
        await self._loop.take()
