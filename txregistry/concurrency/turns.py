"""Let others have the reactor during a long loop."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

# How long a loop may go on in one turn of the reactor, in seconds: others wait so long behind it, and a turn costs
# about a fiftieth of it.
SPELL = 0.001


class Turns:
    """Gives each loop its spells."""

    def __init__(self, clock: IReactorTime | None, timer: Callable[[], float] = time.perf_counter) -> None:
        """Without a clock nothing ever waits: for tests and for tools that have nobody else to serve."""
        self._clock = clock
        self._timer = timer

    def loop(self) -> Loop:
        """A loop begins."""
        return Loop(self._clock, self._timer)


class Loop:
    """`await loop.take()` before each step is nearly free, and now and then waits for the reactor's next turn."""

    __slots__ = ("_clock", "_timer", "_until")

    def __init__(self, clock: IReactorTime | None, timer: Callable[[], float]) -> None:
        self._clock = clock
        self._timer = timer
        self._until = timer() + SPELL

    async def take(self) -> None:
        """Go on, or wait where the spell is over."""
        if self._clock is None or self._timer() < self._until:
            return
        turn: Deferred[None] = Deferred()
        self._clock.callLater(0, turn.callback, None)
        await turn
        self._until = self._timer() + SPELL
