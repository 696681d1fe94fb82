"""A coroutine that is run up to where it first waits."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from txregistry.concurrency.begun import begun
from txregistry.testing.results import result_of


async def double(waiting: Deferred[int]) -> int:
    return 2 * await waiting


def test_what_never_waits_is_given_as_it_is() -> None:
    async def step() -> int:
        return 3

    assert begun(step()) == 3


def test_what_is_raised_before_anything_is_waited_for_is_raised_at_once() -> None:
    async def step() -> int:
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        begun(step())


def test_what_waits_fires_when_it_has_gone_through_all_it_waits_for() -> None:
    first: Deferred[int] = Deferred()
    second: Deferred[int] = Deferred()

    async def step() -> int:
        return await double(first) + await double(second)

    fired = begun(step())
    assert isinstance(fired, Deferred)
    first.callback(1)
    assert not fired.called
    second.callback(10)
    assert result_of(fired) == 22


def test_a_failure_of_what_is_waited_for_can_be_caught_where_it_is_waited_for() -> None:
    waiting: Deferred[int] = Deferred()

    async def step() -> str:
        try:
            await waiting
        except ValueError as problem:
            return str(problem)
        return "nothing"

    fired = begun(step())
    assert isinstance(fired, Deferred)
    waiting.errback(ValueError("caught"))
    assert result_of(fired) == "caught"


def test_a_failure_that_is_not_caught_is_that_of_the_whole() -> None:
    waiting: Deferred[int] = Deferred()
    fired = begun(double(waiting))
    assert isinstance(fired, Deferred)
    waiting.errback(ValueError("passed on"))
    with pytest.raises(ValueError, match="passed on"):
        result_of(fired)


def test_to_cancel_it_cancels_what_is_waited_for() -> None:
    cancelled: list[Deferred[int]] = []
    waiting: Deferred[int] = Deferred(cancelled.append)
    fired = begun(double(waiting))
    assert isinstance(fired, Deferred)
    fired.cancel()
    assert cancelled == [waiting]
    with pytest.raises(CancelledError):
        result_of(fired)
