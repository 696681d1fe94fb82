"""Work off the reactor thread, and in the caller's own."""

from __future__ import annotations

from twisted.python.failure import Failure

from txregistry.concurrency.workers import InlineWorkers


def test_inline_workers_give_the_result_at_once() -> None:
    results: list[int] = []
    InlineWorkers().run(max, 1, 2).addCallback(results.append)
    assert results == [2]


def test_inline_workers_give_the_failure_at_once() -> None:
    failures: list[Failure] = []
    InlineWorkers().run(int, "x").addErrback(failures.append)
    assert failures[0].type is ValueError
