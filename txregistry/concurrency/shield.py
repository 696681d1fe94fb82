"""Let a step run to its end although whoever waits for it is cancelled."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

T = TypeVar("T")

_log = Logger()

# Of the whole process, because the process ends as a whole: `settled` says when it may.
_running: set[Deferred[object]] = set()


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

    running: Deferred[object] = Deferred.fromCoroutine(step).addCallbacks(succeeded, failed)
    _running.add(running)
    running.addCallback(lambda _result: _running.discard(running))
    return waiting


async def settled() -> None:
    """Wait until no shielded step is running, those included that are begun meanwhile."""
    while _running:
        done: Deferred[object] = Deferred()
        next(iter(_running)).addCallback(done.callback)
        await done
