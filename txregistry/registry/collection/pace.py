"""How fast a collection goes: it takes turns with requests, and keeps to a rate."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txregistry.concurrency.turns import Turns

# Waits shorter than this are saved up, because a timer costs more than they last (seconds).
_SHORTEST = 0.02


class Pace:
    """`await pace.step()` before each file that is looked at."""

    def __init__(self, clock: IReactorTime, turns: Turns, rate: float | None) -> None:
        self._clock = clock
        self._loop = turns.loop()
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._due = clock.seconds()

    async def step(self) -> None:
        """Go on when it is time."""
        if self._interval:
            now = self._clock.seconds()
            # What was not used up is lost: a rate is a ceiling, not a debt.
            self._due = max(self._due, now) + self._interval
            if self._due - now >= _SHORTEST:
                waiting: Deferred[None] = Deferred()
                self._clock.callLater(self._due - now, waiting.callback, None)
                await waiting
        await self._loop.take()
