"""Do blocking work one thing after another off the reactor's thread, and all that waits in one visit to a worker."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txregistry.concurrency.workers import IWorkers

T = TypeVar("T")
R = TypeVar("R")
Outcome = TypeVar("Outcome")

# How long one visit should last at most, in seconds: three times what sixteen small pushes take on a disk that is not
# busy. Shorter visits side by side would only fight for the interpreter's lock.
SPELL = 0.1
# Visits at the same time.
MOST = 8


def one_by_one(steps: Sequence[Callable[[], R]]) -> Sequence[R | Exception]:
    """The work of a lane whose things are functions that take no arguments."""
    outcomes: list[R | Exception] = []
    for step in steps:
        try:
            outcomes.append(step())
        except Exception as failure:
            outcomes.append(failure)
    return outcomes


class Lane(Generic[T, R]):
    """What comes while a visit is under way waits for the next one, and shares it.

    Two things are saved: what things that are done together need only once, and the many switches between threads
    that take turns at the interpreter's lock. Where things turn out to take long, because they wait for a slow disk,
    there are up to `MOST` visits side by side.
    """

    def __init__(
        self,
        workers: IWorkers,
        work: Callable[[Sequence[T]], Sequence[R | Exception]],
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`work` is called on a worker, and gives a result for each thing, or the exception that it failed with."""
        self._workers = workers
        self._work = work
        self._timer = timer
        self._waiting: deque[tuple[T, Deferred[R]]] = deque()
        self._visits = 0
        # How long each thing of the last visit took, in seconds.
        self._each = 0.0

    def run(self, thing: T) -> Deferred[R]:
        """Do it and fire with its result; fail with its exception. Cancelling the result does not take it back."""
        result: Deferred[R] = Deferred()
        self._waiting.append((thing, result))
        self._visit()
        return result

    def _visit(self) -> None:
        """Begin as many visits as what waits is worth: one, and more where one would last too long."""
        most = max(1.0, SPELL / self._each) if self._each else math.inf
        while self._waiting and (self._visits == 0 or (self._visits < MOST and len(self._waiting) >= most)):
            taken = [self._waiting.popleft() for _ in range(int(min(most, len(self._waiting))))]
            self._visits += 1
            done = self._workers.run(self._work, [thing for thing, _ in taken])
            done.addBoth(self._over, len(taken), self._timer())
            done.addCallbacks(self._give, self._fail, callbackArgs=(taken,), errbackArgs=(taken,))

    def _over(self, outcome: Outcome, count: int, began: float) -> Outcome:
        self._visits -= 1
        self._each = (self._timer() - began) / count
        # The next visit first: whoever gets a result may be long about it.
        self._visit()
        return outcome

    def _give(self, outcomes: Sequence[R | Exception], taken: Sequence[tuple[T, Deferred[R]]]) -> None:
        for outcome, (_, result) in zip(outcomes, taken, strict=True):
            if isinstance(outcome, Exception):
                result.errback(outcome)
            else:
                result.callback(outcome)

    def _fail(self, failure: Failure, taken: Sequence[tuple[T, Deferred[R]]]) -> None:
        for _, result in taken:
            result.errback(failure)
