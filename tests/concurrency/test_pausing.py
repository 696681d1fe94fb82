"""Waiting for some time."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txregistry.concurrency.pausing import pause


def test_a_pause_lasts_as_long_as_it_was_said() -> None:
    clock = Clock()
    waiting = Deferred.fromCoroutine(pause(clock, 2))
    clock.advance(1.9)
    assert not waiting.called
    clock.advance(0.1)
    assert waiting.called


def test_a_pause_that_is_cancelled_leaves_no_timer() -> None:
    clock = Clock()
    waiting = Deferred.fromCoroutine(pause(clock, 2))
    waiting.addErrback(lambda failure: None)
    waiting.cancel()
    assert clock.getDelayedCalls() == []
