"""Run a blocking function off the reactor thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
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


class WorkersStopped(Exception):
    """No more work is accepted."""


@implementer(IWorkers)
class ThreadWorkers:
    """Threads of our own, started as work comes and stopped by whoever assembled it.

    Twisted's pool costs several times as much per call. Here everything but the function itself runs in the reactor's
    thread, and results are handed over in whatever number there are when the reactor gets to it.
    """

    def __init__(self, reactor: IReactorFromThreads, name: str, most: int) -> None:
        """At most `most` threads. Until `start`, which may be in another process, work waits."""
        self._reactor = reactor
        self._name = name
        self._most = most
        self._threads: list[Thread] = []
        self._started = False
        self._stopped = False
        # Calls that have no result yet.
        self._open = 0
        self._todo: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._done: deque[Callable[[], None]] = deque()
        # Whether the reactor has been told that there are results. A thread appends first and looks then, the reactor
        # clears it first and takes then: so no result is left lying.
        self._told = False

    def start(self) -> None:
        """Begin to work."""
        self._started = True
        for _ in range(self._open):
            self._add_thread()

    def stop(self) -> None:
        """Wait for what was accepted and end the threads. Blocks; called when the reactor stops."""
        self._stopped = True
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """See `IWorkers`. Fails with `WorkersStopped` after `stop`."""
        if self._stopped:
            return fail(WorkersStopped())
        result: Deferred[T] = Deferred()

        def work() -> None:
            try:
                value = function(*args, **kwargs)
            except BaseException:
                failure = Failure()  # type: ignore[no-untyped-call]  # Twisted has no annotation there
                self._hand_over(lambda: result.errback(failure))
            else:
                self._hand_over(lambda: result.callback(value))

        self._open += 1
        self._todo.put(work)
        if self._started:
            self._add_thread()
        return result

    def _add_thread(self) -> None:
        """Start one more, if there is more to do than there are threads."""
        if len(self._threads) < min(self._open - len(self._done), self._most):
            thread = Thread(target=self._serve, name=f"{self._name} {len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while (work := self._todo.get()) is not None:
            work()
            # Until the next job comes, however long that takes, this name would keep the last one's bytes in memory.
            del work

    def _hand_over(self, give: Callable[[], None]) -> None:
        self._done.append(give)
        if not self._told:
            self._told = True
            self._reactor.callFromThread(self._give_all)

    def _give_all(self) -> None:
        self._told = False
        while self._done:
            self._open -= 1
            self._done.popleft()()


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
