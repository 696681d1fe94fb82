"""Long loops let others have the reactor."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txregistry.concurrency.turns import STEPS, Turns


def test_a_long_loop_waits_for_the_next_turn_now_and_then() -> None:
    clock, steps = Clock(), [0]
    turns = Turns(clock)

    async def loop() -> None:
        for _ in range(3 * STEPS + 1):
            await turns.take()
            steps[0] += 1

    finished = Deferred.fromCoroutine(loop())
    assert steps == [STEPS - 1]
    assert not finished.called
    clock.advance(0)
    assert finished.called
    assert steps == [3 * STEPS + 1]


def test_without_a_clock_a_loop_never_waits() -> None:
    turns = Turns(None)

    async def loop() -> None:
        for _ in range(3 * STEPS):
            await turns.take()

    assert Deferred.fromCoroutine(loop()).called
