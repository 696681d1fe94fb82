"""Work in the background that comes again."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs

from tests.registry.world import now
from txregistry.concurrency.repeating import Repeating


class Work:
    """Counts how often it has begun, and ends when the test says so."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.clock = Clock()
        self.waiting: Deferred[None] | None = None
        self.cancelled = False
        self.slow = False

    async def step(self) -> None:
        self.begun.append(self.clock.seconds())
        if self.slow:
            self.waiting = Deferred()
            try:
                await self.waiting
            except BaseException:
                self.cancelled = True
                raise

    def advance(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)


def test_it_begins_after_the_first_delay_and_then_each_interval() -> None:
    work = Work()
    Repeating(work.clock, work.step, 3.0, 10.0).start()
    work.advance(25)
    assert work.begun == [3.0, 13.0, 23.0]


def test_one_that_takes_longer_than_the_interval_is_never_begun_twice() -> None:
    work = Work()
    work.slow = True
    Repeating(work.clock, work.step, 0.0, 10.0).start()
    work.advance(25)
    assert work.begun == [1.0]
    assert work.waiting is not None
    work.waiting.callback(None)
    work.advance(1)
    assert work.begun == [1.0, 26.0]


def test_it_begins_when_it_is_allowed_to() -> None:
    work = Work()
    Repeating(work.clock, work.step, 1.0, 10.0, lambda seconds: seconds + 5).start()
    work.advance(25)
    assert work.begun == [6.0, 21.0]


def test_after_the_stop_nothing_begins() -> None:
    work = Work()
    repeating = Repeating(work.clock, work.step, 1.0, 10.0)
    repeating.start()
    work.advance(5)
    now(repeating.stop())
    work.advance(50)
    assert work.begun == [1.0]
    assert not work.clock.getDelayedCalls()


def test_the_stop_cancels_what_is_running_and_waits_for_its_end() -> None:
    work = Work()
    work.slow = True
    repeating = Repeating(work.clock, work.step, 1.0, 10.0)
    repeating.start()
    work.advance(1)
    now(repeating.stop())
    assert work.cancelled
    assert not work.clock.getDelayedCalls()


@pytest.mark.parametrize("error", [ValueError("x"), OSError("y")])
def test_a_failure_is_logged_and_it_is_tried_again(error: Exception) -> None:
    work = Work()

    async def step() -> None:
        work.begun.append(work.clock.seconds())
        raise error

    with capturedLogs() as logs:
        Repeating(work.clock, step, 1.0, 2.0).start()
        work.advance(3)
    assert work.begun == [1.0, 3.0]
    events: list[LogEvent] = [event for event in logs if event["log_format"] == "background work failed"]
    assert len(events) == 2
