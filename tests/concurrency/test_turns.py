"""Long loops let others have the reactor."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from txregistry.concurrency.turns import SPELL, Turns


class CountingClock(Clock):
    """Its next turn comes at once, and is counted."""

    turns = 0

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        """The only delay that is asked for is the next turn."""
        assert delay == 0
        call = super().callLater(delay, callable, *args, **kw)
        call.cancel()
        self.turns += 1
        callable(*args, **kw)
        return call


def _run(turns: Turns, steps: int) -> bool:
    async def run() -> None:
        loop = turns.loop()
        for _ in range(steps):
            await loop.take()

    return bool(Deferred.fromCoroutine(run()).called)


def test_a_long_loop_waits_for_the_next_turn_when_its_spell_is_over() -> None:
    clock, timer = CountingClock(), count()
    assert _run(Turns(clock, lambda: next(timer) * SPELL / 10), 100)
    assert 5 < clock.turns < 20


def test_a_short_loop_never_waits() -> None:
    clock, timer = CountingClock(), count()
    assert _run(Turns(clock, lambda: next(timer) * SPELL / 10), 9)
    assert clock.turns == 0


def test_without_a_clock_a_loop_never_waits() -> None:
    timer = count()
    assert _run(Turns(None, lambda: next(timer) * SPELL), 1500)
