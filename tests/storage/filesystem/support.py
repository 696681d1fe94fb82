"""Workers that the tests of the filesystem driver hold back or count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.concurrency.workers import InlineWorkers, IWorkers
from txregistry.storage.filesystem.probe import Traits

P = ParamSpec("P")
T = TypeVar("T")

LOCAL = Traits(local=True, in_memory=False, no_wait=True, sync_folders=True, lock_folders=True, sendfile=True)


@implementer(IWorkers)
class HeldWorkers:
    """Does nothing until told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        result: Deferred[T] = Deferred()
        self.waiting.append((result, lambda: function(*args, **kwargs)))
        return result

    def work(self, index: int = 0) -> None:
        """Do one thing of those that wait."""
        result, function = self.waiting.pop(index)
        try:
            value = function()
        except Exception as error:
            result.errback(error)
        else:
            result.callback(value)


@implementer(IWorkers)
class CountedWorkers(InlineWorkers):
    """Tells how many visits there were."""

    visits = 0

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        self.visits += 1
        return super().run(function, *args, **kwargs)


@implementer(IWorkers)
class SlowDisk(InlineWorkers):
    """Everything at once, but syncs only when told to."""

    def __init__(self) -> None:
        self.syncs: list[Deferred[Any]] = []

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        if getattr(function, "__name__", "") != "sync":
            return super().run(function, *args, **kwargs)
        self.syncs.append(Deferred())
        return self.syncs[-1]
