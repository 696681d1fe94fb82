"""Let others have the reactor during a long loop."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

# How many steps of a loop are taken in one turn; a step is some microseconds.
STEPS = 500


class Turns:
    """Shared by all loops of a process: `await turns.take()` in each step is nearly free, and now and then waits."""

    def __init__(self, clock: IReactorTime | None) -> None:
        """Without a clock it never waits: for tests and for tools that have nobody else to serve."""
        self._clock = clock
        self._taken = 0

    async def take(self) -> None:
        """Count a step; after `STEPS` of them wait for the reactor's next turn."""
        self._taken += 1
        if self._clock is None or self._taken < STEPS:
            return
        self._taken = 0
        turn: Deferred[None] = Deferred()
        self._clock.callLater(0, turn.callback, None)
        await turn
