"""Long loops let others have the reactor."""

from __future__ import annotations

from itertools import count

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txregistry.concurrency.turns import SPELL, Turns


def test_a_long_loop_waits_for_the_next_turn_when_its_spell_is_over() -> None:
    clock, steps = Clock(), [0]
    timer = count()
    turns = Turns(clock, lambda: next(timer) * SPELL / 10)

    async def loop() -> None:
        spell = turns.loop()
        while steps[0] < 100:
            await spell.take()
            steps[0] += 1

    finished = Deferred.fromCoroutine(loop())
    turns_taken = 0
    while not finished.called:
        # Each call is due at once, and a call that it makes is due in the same `advance`: so every turn is counted here.
        turns_taken += 1
        assert len(clock.getDelayedCalls()) == 1
        clock.getDelayedCalls()[0].delay(1)
        clock.advance(1)
    assert 5 < turns_taken < 20


def test_without_a_clock_a_loop_never_waits() -> None:
    turns = Turns(None)

    async def loop() -> None:
        spell = turns.loop()
        for _ in range(1500):
            await spell.take()

    assert Deferred.fromCoroutine(loop()).called
