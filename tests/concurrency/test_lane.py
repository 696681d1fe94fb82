"""Things that wait together are done together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from twisted.internet.defer import CancelledError, Deferred

from tests.storage.filesystem.support import HeldWorkers
from txregistry.concurrency.lane import MOST, SPELL, Lane, one_by_one
from txregistry.testing.results import result_of


class _Doubling:
    """A lane that doubles numbers but odd ones, a worker that waits to be told, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.visits: list[list[int]] = []
        self.workers = HeldWorkers()
        self.lane: Lane[int, int] = Lane(self.workers, self._double, lambda: self.now)

    def _double(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.visits.append(list(numbers))
        return [number * 2 if number % 2 == 0 else ValueError(number) for number in numbers]


def test_what_comes_during_a_visit_shares_the_next_one() -> None:
    doubling = _Doubling()
    results = [doubling.lane.run(number) for number in (2, 4, 6)]
    doubling.workers.work()
    assert result_of(results[0]) == 4
    assert not results[1].called
    doubling.workers.work()
    assert [result_of(result) for result in results[1:]] == [8, 12]
    assert doubling.visits == [[2], [4, 6]]
    assert not doubling.workers.waiting


def test_each_thing_fails_by_itself() -> None:
    doubling = _Doubling()
    results = [doubling.lane.run(number) for number in (2, 3, 4)]
    doubling.workers.work()
    doubling.workers.work()
    with pytest.raises(ValueError, match="3"):
        result_of(results[1])
    assert result_of(results[2]) == 8


def test_a_visit_that_breaks_off_fails_all_things_in_it_and_no_other() -> None:
    workers, broken = HeldWorkers(), [True]

    def work(things: Sequence[int]) -> Sequence[int | Exception]:
        if broken.pop():
            raise MemoryError
        return things

    lane: Lane[int, int] = Lane(workers, work)
    first, second = lane.run(1), lane.run(2)
    workers.work()
    with pytest.raises(MemoryError):
        result_of(first)
    broken.append(False)
    workers.work()
    assert result_of(second) == 2


def test_whoever_is_cancelled_takes_nothing_from_the_others() -> None:
    doubling = _Doubling()
    results: list[Deferred[int]] = [doubling.lane.run(number) for number in (2, 4, 6)]
    results[1].cancel()
    with pytest.raises(CancelledError):
        result_of(results[1])
    doubling.workers.work()
    doubling.workers.work()
    assert result_of(results[2]) == 12
    assert doubling.visits == [[2], [4, 6]]


def test_things_that_take_long_are_done_side_by_side() -> None:
    doubling = _Doubling()
    first = doubling.lane.run(0)
    doubling.now += SPELL / 2
    doubling.workers.work()
    assert result_of(first) == 0
    results = [doubling.lane.run(number) for number in range(0, 40, 2)]
    assert len(doubling.workers.waiting) == MOST
    while doubling.workers.waiting:
        doubling.workers.work()
    assert [result_of(result) for result in results] == [number * 4 for number in range(20)]
    assert sorted(number for visit in doubling.visits[1:] for number in visit) == list(range(0, 40, 2))


def test_functions_are_called_one_by_one() -> None:
    def fail() -> str:
        raise OSError(1, "no")

    steps: list[Callable[[], str]] = [lambda: "a", fail, lambda: "b"]
    outcomes = one_by_one(steps)
    assert outcomes[0] == "a"
    assert isinstance(outcomes[1], OSError)
    assert outcomes[2] == "b"
