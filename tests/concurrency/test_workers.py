"""Work off the reactor thread, and in the caller's own."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from queue import Queue
from threading import Barrier, Event, current_thread, get_ident
from typing import Any, cast

import pytest
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from txregistry.concurrency.workers import InlineWorkers, ThreadWorkers, WorkersStopped

# Seconds until a test that waits for a thread fails.
PATIENCE = 30


class PumpedReactor:
    """Runs what threads ask for when the test says so."""

    def __init__(self) -> None:
        self.calls: Queue[Callable[[], object]] = Queue()

    def callFromThread(self, function: Callable[..., object], *args: Any) -> None:
        """See `IReactorFromThreads`."""
        self.calls.put(lambda: function(*args))

    def pump(self) -> None:
        """The reactor's next turn."""
        self.calls.get(timeout=PATIENCE)()


class Pool:
    """Workers and their reactor."""

    def __init__(self, most: int) -> None:
        self.reactor = PumpedReactor()
        self.workers = ThreadWorkers(cast(IReactorFromThreads, self.reactor), "test", most)


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(3)
    pool.workers.start()
    yield pool
    pool.workers.stop()


def test_a_function_runs_in_another_thread_and_its_result_comes_in_the_reactors(pool: Pool) -> None:
    results: list[tuple[int, int]] = []
    pool.workers.run(get_ident).addCallback(lambda ident: results.append((ident, get_ident())))
    assert results == []
    pool.reactor.pump()
    ((worked, delivered),) = results
    assert worked != get_ident()
    assert delivered == get_ident()


def test_what_a_function_raises_comes_as_a_failure(pool: Pool) -> None:
    failures: list[Failure] = []
    pool.workers.run(int, "x").addErrback(failures.append)
    pool.reactor.pump()
    assert failures[0].type is ValueError


def test_results_that_are_ready_together_come_in_one_turn(pool: Pool) -> None:
    results: list[int] = []
    barrier = Barrier(3)

    def work(number: int) -> int:
        barrier.wait(PATIENCE)
        return number

    for number in range(3):
        pool.workers.run(work, number).addCallback(results.append)
    pool.workers.stop()
    while len(results) < 3:
        pool.reactor.pump()
    assert sorted(results) == [0, 1, 2]


def test_an_idle_thread_keeps_nothing_of_its_last_work(pool: Pool) -> None:
    class Batch:
        """Stands for the megabyte that an upload hands over at a time."""

    batch, gone = Batch(), Event()
    weakref.finalize(batch, gone.set)
    pool.workers.run(id, batch)
    del batch
    pool.reactor.pump()
    assert gone.wait(PATIENCE)


def test_there_are_never_more_threads_than_allowed(pool: Pool) -> None:
    names: set[str] = set()
    for _ in range(50):
        pool.workers.run(lambda: current_thread().name).addCallback(names.add)
    pool.workers.stop()
    while not pool.reactor.calls.empty():
        pool.reactor.pump()
    assert names <= {"test 0", "test 1", "test 2"}


def test_work_waits_for_the_start() -> None:
    pool = Pool(2)
    results: list[int] = []
    pool.workers.run(max, 1, 2).addCallback(results.append)
    pool.workers.start()
    pool.reactor.pump()
    pool.workers.stop()
    assert results == [2]


def test_cancelling_does_not_stop_a_function_that_has_begun(pool: Pool) -> None:
    begun, go_on, ended = Event(), Event(), Event()

    def work() -> None:
        begun.set()
        go_on.wait(PATIENCE)
        ended.set()

    result = pool.workers.run(work)
    result.addErrback(lambda failure: None)
    assert begun.wait(PATIENCE)
    result.cancel()
    go_on.set()
    pool.reactor.pump()
    assert ended.is_set()


def test_stopping_waits_for_what_was_accepted_and_accepts_no_more(pool: Pool) -> None:
    done: list[int] = []
    for number in range(20):
        pool.workers.run(done.append, number)
    pool.workers.stop()
    assert sorted(done) == list(range(20))
    failures: list[Failure] = []
    pool.workers.run(done.append, 20).addErrback(failures.append)
    assert failures[0].type is WorkersStopped


def test_inline_workers_give_the_result_at_once() -> None:
    results: list[int] = []
    InlineWorkers().run(max, 1, 2).addCallback(results.append)
    assert results == [2]


def test_inline_workers_give_the_failure_at_once() -> None:
    failures: list[Failure] = []
    InlineWorkers().run(int, "x").addErrback(failures.append)
    assert failures[0].type is ValueError
