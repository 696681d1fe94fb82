"""How a collection makes room for requests."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.registry.world import now
from txregistry.concurrency.turns import Turns
from txregistry.registry.collection.pace import Pace


async def _nothing() -> None:
    """Nobody watches."""


class Walk:
    """Steps that cost some time each."""

    def __init__(self, cost: float, rate: float | None = None, hurried: bool = False) -> None:
        self.clock = Clock()
        self.steps = 0
        self.watched = 0
        self._cost = cost
        # A turn is never over by itself here: what is waited for is the pace's own.
        self._pace = Pace(self.clock, Turns(None), rate, self._watch, hurried)

    async def _watch(self) -> None:
        self.watched += 1

    async def walk(self, steps: int) -> None:
        for _ in range(steps):
            await self._pace.step()
            self.steps += 1
            self.clock.rightNow += self._cost

    def after(self, seconds: float) -> int:
        """How many steps are done by then."""
        walking = Deferred.fromCoroutine(self.walk(1_000_000))
        walking.addErrback(lambda _: None)
        while self.clock.seconds() < seconds:
            self.clock.advance(0.0005)
        walking.cancel()
        assert not self.clock.getDelayedCalls()
        return self.steps


def test_it_works_for_a_quarter_of_the_time() -> None:
    walk = Walk(0.0001)
    steps = walk.after(1.0)
    assert 2000 < steps < 3000


def test_in_a_hurry_it_never_rests() -> None:
    walk = Walk(0.0001, hurried=True)
    now(walk.walk(10_000))
    assert walk.clock.seconds() == pytest.approx(1.0)


@pytest.mark.parametrize("hurried", [False, True])
def test_it_keeps_to_its_rate(hurried: bool) -> None:
    assert 95 <= Walk(0.0, rate=100, hurried=hurried).after(1.0) <= 105


def test_whoever_watches_is_asked_ten_times_a_second() -> None:
    walk = Walk(0.001, hurried=True)
    now(walk.walk(1000))
    assert 10 <= walk.watched <= 11
