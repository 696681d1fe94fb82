"""Let a step run to its end although whoever waits for it is cancelled."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

T = TypeVar("T")

_log = Logger()


def shielded(step: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    """Start the coroutine and fire with its result.

    Cancelling the returned Deferred fails it with `CancelledError` and leaves the coroutine running; a failure that
    nobody waits for any more is logged.
    """
    abandoned = False

    def abandon(_waiting: Deferred[T]) -> None:
        nonlocal abandoned
        abandoned = True

    waiting: Deferred[T] = Deferred(abandon)

    def succeeded(result: T) -> None:
        if not abandoned:
            waiting.callback(result)

    def failed(failure: Failure) -> None:
        if abandoned:
            _log.failure("shielded step failed after its waiter left", failure)
        else:
            waiting.errback(failure)

    Deferred.fromCoroutine(step).addCallbacks(succeeded, failed)
    return waiting
