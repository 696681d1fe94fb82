"""How fast a collection goes: it takes turns with requests, and keeps to a rate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.interfaces import IReactorTime

from txregistry.concurrency.pausing import pause
from txregistry.concurrency.turns import Turns

# Waits shorter than this are saved up, because a timer costs more than they last (seconds).
_SHORTEST = 0.02
# After so long a spell of work there is so long a rest (seconds): who answers requests keeps most of the processor.
_SPELL = 0.001
_REST = 0.003
# How often it is asked whether to go on (seconds).
_WATCHED_EVERY = 0.1


class Pace:
    """`await pace.step()` before each file that is looked at."""

    def __init__(
        self,
        clock: IReactorTime,
        turns: Turns,
        rate: float | None,
        watch: Callable[[], Awaitable[None]],
        hurried: bool = False,
    ) -> None:
        """`watch` is called now and then; what it raises ends the collection. Without rests it is `hurried`."""
        self._clock = clock
        self._watch = watch
        self._watch_again = clock.seconds()
        self._loop = turns.loop()
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._due = clock.seconds()
        self._rest_at = None if hurried else clock.seconds() + _SPELL

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
                await pause(self._clock, self._due - now)
        if self._rest_at is None:
            await self._loop.take()
        elif now >= self._rest_at:
            await pause(self._clock, _REST)
            self._rest_at = self._clock.seconds() + _SPELL
