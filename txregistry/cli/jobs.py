"""Run one piece of asynchronous work to its end, as a command."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txregistry.concurrency.workers import ThreadWorkers
from txregistry.daemon.interfaces import IReactor

T = TypeVar("T")


def run_job(reactor: IReactor, threads: int, job: Callable[[ThreadWorkers], Coroutine[Deferred[Any], Any, T]]) -> T:
    """What the job returns or raises; it is given workers. Raise `KeyboardInterrupt` where a signal ends it early.

    The reactor is run, and cannot be run again.
    """
    results: list[T] = []
    failures: list[Failure] = []
    running: list[Deferred[None]] = []
    signalled = False
    workers = ThreadWorkers(reactor, "job", threads)

    def begin() -> None:
        running.append(Deferred.fromCoroutine(job(workers)).addCallbacks(results.append, failures.append))
        running[0].addCallback(ended)

    def ended(_result: None) -> None:
        if not signalled:
            reactor.stop()

    def cut_short() -> Deferred[None] | None:
        nonlocal signalled
        if results or failures:
            return None
        signalled = True
        if not running:
            return None
        running[0].cancel()
        # What has to be put in order before the end is waited for.
        return running[0]

    reactor.addSystemEventTrigger("before", "shutdown", cut_short)
    reactor.callWhenRunning(begin)
    workers.start()
    try:
        reactor.run()
    finally:
        workers.stop()
    if signalled:
        raise KeyboardInterrupt
    if failures:
        failures[0].raiseException()
    return results[0]
