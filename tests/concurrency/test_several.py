"""Steps side by side, a bounded number at a time."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from txregistry.concurrency.several import Several
from txregistry.testing.results import result_of


class _Steps:
    """Each waits until it is let go."""

    def __init__(self) -> None:
        self.begun: list[Deferred[None]] = []

    async def one(self) -> None:
        self.begun.append(Deferred())
        await self.begun[-1]

    async def all(self, count: int) -> None:
        async with Several(3) as several:
            for _ in range(count):
                await several.begin(self.one())


def test_no_more_run_than_may() -> None:
    steps = _Steps()
    done = Deferred.fromCoroutine(steps.all(5))
    assert len(steps.begun) == 3
    steps.begun[1].callback(None)
    assert len(steps.begun) == 4
    steps.begun[0].callback(None)
    assert len(steps.begun) == 5
    for step in (2, 3):
        steps.begun[step].callback(None)
    assert not done.called
    steps.begun[4].callback(None)
    result_of(done)


def test_after_a_failure_nothing_begins_and_it_is_raised_when_all_have_ended() -> None:
    steps = _Steps()
    done = Deferred.fromCoroutine(steps.all(5))
    steps.begun[1].errback(OSError(5, "no"))
    assert len(steps.begun) == 3
    assert not done.called
    for step in (0, 2):
        steps.begun[step].callback(None)
    with pytest.raises(OSError, match="no"):
        result_of(done)


def test_a_body_that_is_cancelled_cancels_its_steps() -> None:
    steps = _Steps()
    done = Deferred.fromCoroutine(steps.all(5))
    done.cancel()
    with pytest.raises(CancelledError):
        result_of(done)
    assert len(steps.begun) == 3
    assert all(step.called for step in steps.begun)


def test_a_body_that_fails_waits_for_its_steps() -> None:
    steps = _Steps()

    async def failing() -> None:
        async with Several(3) as several:
            await several.begin(steps.one())
            raise KeyError("body")

    done = Deferred.fromCoroutine(failing())
    assert not done.called
    steps.begun[0].callback(None)
    with pytest.raises(KeyError):
        result_of(done)


def test_steps_that_never_wait_need_no_room() -> None:
    ended = []

    async def at_once(number: int) -> None:
        ended.append(number)

    async def many() -> None:
        async with Several(1) as several:
            for number in range(5):
                await several.begin(at_once(number))

    result_of(many())
    assert ended == [0, 1, 2, 3, 4]
