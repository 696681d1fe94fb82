"""Running a coroutine up to where it first waits."""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


def begun(coroutine: Coroutine[Deferred[Any], Any, T]) -> T | Deferred[T]:
    """What it returns if it never waits, else a Deferred of that, which cancels what is waited for.

    Raises what it raises before it waits. `Deferred.fromCoroutine` makes a Deferred in any case, and that costs several
    times what the coroutine does.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    return Deferred.fromCoroutine(_rest(coroutine, awaited))


@types.coroutine
def _rest(coroutine: Coroutine[Deferred[Any], Any, T], awaited: Deferred[Any]) -> Generator[Deferred[Any], Any, T]:
    """What is left of a coroutine that waits, as a coroutine."""
    while True:
        try:
            step = partial(coroutine.send, (yield awaited))
        except BaseException as problem:
            step = partial(coroutine.throw, problem)
        try:
            awaited = step()
        except StopIteration as end:
            result: T = end.value
            return result
