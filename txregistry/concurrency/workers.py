"""Run a blocking function off the reactor thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from zope.interface import Interface, implementer

P = ParamSpec("P")
T = TypeVar("T")


class IWorkers(Interface):
    """Where blocking work goes: a pool of threads in the server, the caller's own thread in tests."""

    def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Call the function and fire with its result, or fail with what it raised.

        The function gets plain arguments and touches no state that the reactor's thread touches. Cancelling the
        result does not stop a function that has begun.
        """


@implementer(IWorkers)
class ThreadWorkers:
    """A pool of threads, started and stopped by whoever assembled it."""

    def __init__(self, reactor: IReactorFromThreads, name: str, most: int) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=most, name=name)

    def start(self) -> None:
        """Accept work."""
        self._pool.start()

    def stop(self) -> None:
        """Wait for what is running and end the threads. Blocks; called when the reactor stops."""
        self._pool.stop()

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """See `IWorkers`."""
        return deferToThreadPool(self._reactor, self._pool, function, *args, **kwargs)


@implementer(IWorkers)
class InlineWorkers:
    """Runs everything at once in the calling thread: for tests and for command-line tools."""

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """See `IWorkers`."""
        result: Deferred[T] = Deferred()
        try:
            result.callback(function(*args, **kwargs))
        except Exception:
            result.errback()
        return result
