"""Take the result of a coroutine that has nothing to wait for."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def result_of(step: Coroutine[Deferred[Any], Any, T] | Deferred[T]) -> T:
    """Its result, or what it raised; fail where it waits for something that does not happen."""
    waiting = step if isinstance(step, Deferred) else Deferred.fromCoroutine(step)
    results: list[T] = []
    failures: list[Failure] = []
    waiting.addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    assert results, "it still waits"
    return results[0]
