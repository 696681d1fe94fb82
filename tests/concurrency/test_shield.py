"""Steps that must run to their end."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txregistry.concurrency.shield import shielded


def test_a_shielded_step_gives_its_result() -> None:
    async def step() -> int:
        return 3

    results: list[int] = []
    shielded(step()).addCallback(results.append)
    assert results == [3]


def test_a_shielded_step_gives_its_failure() -> None:
    async def step() -> None:
        raise ValueError

    failures: list[Failure] = []
    shielded(step()).addErrback(failures.append)
    assert failures[0].type is ValueError


def test_cancelling_the_waiter_leaves_the_step_running() -> None:
    gate: Deferred[None] = Deferred()
    done: list[str] = []

    async def step() -> None:
        await gate
        done.append("done")

    failures: list[Failure] = []
    waiting = shielded(step())
    waiting.addErrback(failures.append)
    waiting.cancel()
    assert failures[0].type is CancelledError
    assert done == []
    gate.callback(None)
    assert done == ["done"]
