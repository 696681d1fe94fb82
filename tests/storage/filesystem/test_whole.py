"""When a filesystem is synced as a whole."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from txregistry.storage.filesystem.calls import SystemCalls
from txregistry.storage.filesystem.whole import FEWEST, REST, SLOW, WholeFilesystem


class _TimedCalls(SystemCalls):
    """Syncing takes so many seconds of a clock that nothing else moves."""

    now = 0.0
    takes = 0.0

    def syncfs(self, descriptor: int) -> None:
        self.now += self.takes
        super().syncfs(descriptor)


def _filesystem(root: Path) -> tuple[WholeFilesystem, _TimedCalls]:
    calls = _TimedCalls()
    return WholeFilesystem(str(root), calls, is_possible=True, timer=lambda: calls.now), calls


def test_the_first_time_only_opens_what_later_failures_are_reported_to(tmp_path: Path) -> None:
    whole, _ = _filesystem(tmp_path)
    assert whole.is_worth(FEWEST)
    assert [whole.sync(), whole.sync()] == [False, True]


def test_where_it_cannot_be_opened_it_is_tried_again_the_next_time(tmp_path: Path) -> None:
    root = tmp_path / "root"
    whole, _ = _filesystem(root)
    assert not whole.sync()
    root.mkdir()
    assert [whole.sync(), whole.sync()] == [False, True]


def test_another_disk_that_was_mounted_there_since_is_not_taken_for_synced(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    whole, _ = _filesystem(root)
    assert [whole.sync(), whole.sync()] == [False, True]
    root.rmdir()
    assert not whole.sync()
    with TemporaryDirectory(dir="/dev/shm") as other:
        if os.stat(other).st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("the test's folder is in shared memory, too")
        root.symlink_to(other)
        assert [whole.sync(), whole.sync()] == [False, False]


def test_it_is_worth_it_for_several_things_only(tmp_path: Path) -> None:
    whole, _ = _filesystem(tmp_path)
    assert not whole.is_worth(FEWEST - 1)
    assert not WholeFilesystem(str(tmp_path), SystemCalls(), is_possible=False).is_worth(FEWEST)


def test_what_waits_for_the_data_of_others_is_left_alone_for_ever_longer_times(tmp_path: Path) -> None:
    whole, calls = _filesystem(tmp_path)
    whole.sync()
    calls.takes = 2 * SLOW
    for times in (1, 2, 4):
        assert whole.sync()
        calls.now += times * REST - 1
        assert not whole.is_worth(FEWEST)
        calls.now += 1
        assert whole.is_worth(FEWEST)
    calls.takes = SLOW / 2
    assert whole.sync()
    assert whole.is_worth(FEWEST)
    calls.takes = 2 * SLOW
    assert whole.sync()
    calls.now += REST
    assert whole.is_worth(FEWEST)


def test_a_failure_is_told_to_whoever_syncs_at_the_same_time(tmp_path: Path) -> None:
    """syncfs(2) tells each open descriptor once of what could not be written."""
    told: set[int] = set()

    class OnceEach(SystemCalls):
        broken = False

        def syncfs(self, descriptor: int) -> None:
            if self.broken and descriptor not in told:
                told.add(descriptor)
                if len(told) == 1:
                    # The other's whole call comes between this one's failure in the kernel and its being heard of.
                    outcomes.append(other.submit(whole.sync).result())
                raise OSError(errno.EIO, "input/output error")

    calls, outcomes = OnceEach(), list[bool]()
    whole = WholeFilesystem(str(tmp_path), calls, is_possible=True)
    with ThreadPoolExecutor(1) as other:
        assert [whole.sync(), other.submit(whole.sync).result()] == [False, False]
        assert [whole.sync(), other.submit(whole.sync).result()] == [True, True]
        calls.broken = True
        assert not whole.sync()
    assert outcomes == [False]
    assert not whole.is_worth(FEWEST)
