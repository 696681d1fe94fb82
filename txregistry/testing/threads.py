"""Real threads for tests without a reactor: what they have done is delivered when the test asks for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.concurrency.workers import IWorkers

P = ParamSpec("P")
T = TypeVar("T")

# Seconds until a test that waits for a thread fails.
_PATIENCE = 30


@implementer(IWorkers)
class PumpedWorkers:
    """`pump` plays the part of the reactor."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads)
        self._running = 0
        self._done: Queue[tuple[Deferred[Any], Future[Any]]] = Queue()

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """See `IWorkers`."""
        waiting: Deferred[T] = Deferred()
        self._running += 1
        self._pool.submit(function, *args, **kwargs).add_done_callback(lambda work: self._done.put((waiting, work)))
        return waiting

    def pump(self) -> None:
        """Wait until a thread has done something, and fire its result. Raise `queue.Empty` where none does."""
        waiting, work = self._done.get(timeout=_PATIENCE)
        self._running -= 1
        error = work.exception()
        if error is None:
            waiting.callback(work.result())
        else:
            waiting.errback(error)

    def drain(self) -> None:
        """Deliver until the threads have nothing to do."""
        while self._running:
            self.pump()

    def stop(self) -> None:
        """End the threads, once they have done what they were given."""
        self._pool.shutdown()
