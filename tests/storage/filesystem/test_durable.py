"""What is reported done survives a power cut, and each system call on the way may fail."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from txregistry.concurrency.workers import InlineWorkers
from txregistry.storage.errors import PathNotFound, StorageFailure
from txregistry.storage.filesystem.calls import SystemCalls
from txregistry.storage.filesystem.commit import Change, commit
from txregistry.storage.filesystem.driver import FilesystemDriver
from txregistry.storage.filesystem.durable import DurableTree
from txregistry.storage.filesystem.probe import Traits
from txregistry.testing.results import result_of
from txregistry.testing.syscalls import WatchedCalls

_TRAITS = Traits(local=True, in_memory=False, no_wait=True, sync_folders=True, lock_folders=True, sendfile=True)

Scenario = Callable[[FilesystemDriver], Coroutine[Any, Any, None]]

OLD, NEW = b"the old content", b"the new content " * 20_000


def _driver(root: Path) -> tuple[FilesystemDriver, WatchedCalls]:
    calls = WatchedCalls(str(root))
    return FilesystemDriver(str(root), InlineWorkers(), traits=_TRAITS, calls=calls), calls


def _plain(log: list[str]) -> list[str]:
    return [re.sub(r"\.[0-9a-f]{32}\.tmp", "TEMPORARY", line) for line in log]


async def _push(driver: FilesystemDriver) -> None:
    writer = await driver.open_writer("repository/_uploads/1/data")
    try:
        writer.write(NEW)
        await writer.flush()
        await writer.publish("blobs/aa/aabb/data", [("repository/link", NEW)], "repository/_uploads/1")
    finally:
        await writer.suspend()


async def _push_in_two_requests(driver: FilesystemDriver) -> None:
    writer = await driver.open_writer("repository/_uploads/1/data")
    try:
        writer.write(NEW)
        await writer.flush()
    finally:
        await writer.suspend()
    writer = await driver.open_writer("repository/_uploads/1/data", append=True)
    try:
        await writer.publish("blobs/aa/aabb/data", [("repository/link", NEW)], "repository/_uploads/1")
    finally:
        await writer.suspend()


async def _write(driver: FilesystemDriver) -> None:
    await driver.write("repository/tag/link", NEW)


async def _delete_file(driver: FilesystemDriver) -> None:
    await driver.delete("repository/tag/link")


async def _delete_folder(driver: FilesystemDriver) -> None:
    await driver.delete("repository")


async def _move(driver: FilesystemDriver) -> None:
    await driver.move("repository/tag/link", "trash/run/link")


def test_the_calls_of_a_write_in_order(tmp_path: Path) -> None:
    driver, calls = _driver(tmp_path)
    result_of(driver.write("a/b/link", b"content"))
    assert _plain(calls.log) == [
        "mkdir a/b",
        "mkdir a",
        *("open .", "fsync .", "close ."),
        "mkdir a/b",
        "open a/b/TEMPORARY",
        "pwritev a/b/TEMPORARY",
        "begin_writing a/b/TEMPORARY",
        "fdatasync a/b/TEMPORARY",
        "rename a/b/TEMPORARY a/b/link",
        "close a/b/TEMPORARY",
        *("open a/b", "fsync a/b", "close a/b"),
        *("open a", "fsync a", "close a"),
        *("open .", "fsync .", "close ."),
    ]
    del calls.log[:]
    result_of(driver.write("a/b/other", b"content"))
    assert [line for line in calls.log if line.startswith(("mkdir", "fsync"))] == ["fsync a/b"]


def test_the_calls_of_a_push_in_order(tmp_path: Path) -> None:
    driver, calls = _driver(tmp_path)
    result_of(_push(driver))
    log = [line for line in _plain(calls.log) if not line.startswith(("open", "close"))]
    assert log[log.index("size repository/_uploads/1/data") :] == [
        "size repository/_uploads/1/data",
        "touch repository/_uploads/1/data",
        "begin_writing repository/_uploads/1/data",
        "fdatasync repository/_uploads/1/data",
        "mkdir blobs/aa",
        "mkdir blobs",
        "fsync .",
        "mkdir blobs/aa",
        # The upload's folder becomes the blob's.
        "rename repository/_uploads/1 blobs/aa/aabb",
        "mkdir repository",
        "pwritev repository/TEMPORARY",
        "begin_writing repository/TEMPORARY",
        "fdatasync repository/TEMPORARY",
        "fsync blobs/aa/aabb",
        "fsync blobs/aa",
        "fsync blobs",
        "fsync .",
        "fsync repository/_uploads",
        "fsync repository",
        # Now that the blob is there for good, the link may be seen.
        "rename repository/TEMPORARY repository/link",
        "fsync repository",
    ]


def test_the_calls_of_a_push_of_what_is_there_already(tmp_path: Path) -> None:
    driver, calls = _driver(tmp_path)
    result_of(_push(driver))
    del calls.log[:]
    result_of(_push(driver))
    assert [line for line in calls.log if line.startswith(("rename", "unlink", "rmdir"))][::2] == [
        "rename repository/_uploads/1/data blobs/aa/aabb/data",
        "unlink repository/_uploads/1",
    ]
    assert os.listdir(tmp_path / "repository/_uploads") == []
    assert calls.lost_in_a_power_cut("blobs/aa/aabb/data") == []


def test_a_file_that_an_upload_leaves_over_is_written_over_to_be_the_link(tmp_path: Path) -> None:
    driver, calls = _driver(tmp_path)
    result_of(driver.create("repository/_uploads/1/startedat", b"longer than the link will be" * 20_000))
    startedat = os.stat(tmp_path / "repository/_uploads/1/startedat").st_ino
    result_of(_push(driver))
    assert os.stat(tmp_path / "repository/link").st_ino == startedat
    assert (tmp_path / "repository/link").read_bytes() == NEW
    assert not [line for line in calls.log if line.startswith(("unlink", "rmdir"))]
    assert calls.lost_in_a_power_cut("repository/link") == []


def test_what_an_upload_leaves_over_does_not_get_among_the_content(tmp_path: Path) -> None:
    driver, calls = _driver(tmp_path)
    result_of(driver.create("repository/_uploads/1/startedat", b"now"))
    result_of(driver.create("repository/_uploads/1/hashstates/sha256/9", b"of another registry"))
    result_of(_push(driver))
    assert os.listdir(tmp_path / "blobs/aa/aabb") == ["data"]
    assert os.listdir(tmp_path / "repository/_uploads") == []
    assert calls.lost_in_a_power_cut("blobs/aa/aabb/data") == []


def test_a_folder_that_another_process_makes_again_without_need_for_durability_is_on_disk_all_the_same(
    tmp_path: Path,
) -> None:
    """This process has seen the repository's folder to the disk and will not look again; another removes it with all
    that is in it, and makes it again for an upload. What is acknowledged here then must not hang on that."""
    driver, calls = _driver(tmp_path)
    result_of(_write(driver))
    other = FilesystemDriver(str(tmp_path), InlineWorkers(), traits=_TRAITS, calls=calls)
    result_of(_delete_folder(other))
    result_of(other.write("repository/_uploads/1/startedat", b"now", durable=False))
    result_of(_write(driver))
    assert calls.lost_in_a_power_cut("repository/tag/link") == []


def test_what_need_not_be_durable_is_not_synced(tmp_path: Path) -> None:
    driver, calls = _driver(tmp_path)
    (tmp_path / "a").mkdir()
    result_of(driver.write("a/b/c", b"content", durable=False))
    result_of(driver.delete("a", durable=False))
    assert not [line for line in calls.log if "sync" in line]


@pytest.mark.parametrize(
    ("scenario", "path"),
    [(_push, "blobs/aa/aabb/data"), (_push_in_two_requests, "blobs/aa/aabb/data"), (_write, "repository/tag/link")],
)
def test_folders_that_others_left_unsynced_are_synced_too(tmp_path: Path, scenario: Scenario, path: str) -> None:
    driver, calls = _driver(tmp_path)
    for folder in ("blobs", "blobs/aa", "repository", "repository/tag"):
        calls.somebody_made(folder)
    # An upload that was never finished has made the folder of the repository, and syncs nothing.
    result_of(driver.write("repository/_uploads/2/startedat", b"now", durable=False))
    result_of(scenario(driver))
    assert calls.lost_in_a_power_cut(path) == []


def test_a_folder_that_was_deleted_and_made_again_is_synced_again(tmp_path: Path) -> None:
    driver, calls = _driver(tmp_path)
    result_of(_write(driver))
    result_of(_delete_folder(driver))
    result_of(_write(driver))
    assert calls.lost_in_a_power_cut("repository/tag/link") == []


# What needs nothing to be there before.
_WHOLE = (_push, _push_in_two_requests, _write)


@pytest.mark.parametrize(
    ("scenario", "path"),
    [
        (_push, "blobs/aa/aabb/data"),
        (_push_in_two_requests, "blobs/aa/aabb/data"),
        (_write, "repository/tag/link"),
        (_push, "repository/link"),
        (_delete_file, "repository/tag/link"),
        (_delete_folder, "repository/tag/link"),
        (_move, "repository/tag/link"),
        (_move, "trash/run/link"),
    ],
)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize("again", [False, True], ids=["new", "replacing"])
def test_whichever_call_fails_it_is_refused_or_done_and_durable(
    tmp_path: Path, scenario: Scenario, path: str, number: int, again: bool
) -> None:
    for outcome in _each_failure(tmp_path, scenario, path, number, again):
        assert outcome is None or outcome.out_of_space == (number == errno.ENOSPC)


def _each_failure(
    tmp_path: Path, scenario: Scenario, path: str, number: int, again: bool
) -> Iterator[StorageFailure | None]:
    fail_at = 0
    while True:
        root = tmp_path / str(fail_at)
        root.mkdir()
        result_of(
            _prepare(FilesystemDriver(str(root), InlineWorkers(), traits=_TRAITS), again or scenario not in _WHOLE)
        )
        calls = WatchedCalls(str(root), fail_at, number)
        driver = FilesystemDriver(str(root), InlineWorkers(), traits=_TRAITS, calls=calls)
        before = set(os.listdir("/proc/self/fd"))
        failure = None
        try:
            result_of(scenario(driver))
        except StorageFailure as caught:
            failure = caught
        assert set(os.listdir("/proc/self/fd")) == before, f"left open after {calls.log[fail_at]}"
        assert not [name for _, _, names in os.walk(root) for name in names if name[0] == "."], calls.log[fail_at:]
        # Old or new, never part of it.
        assert _content(driver, path) in (None, OLD, NEW)
        if failure is None:
            assert calls.lost_in_a_power_cut(path) == [], calls.log[fail_at]
        yield failure
        if len(calls.log) <= fail_at:
            assert failure is None
            return
        # Whoever tries again succeeds.
        calls.fail_at = None
        if scenario in _WHOLE:
            result_of(scenario(driver))
            assert _content(driver, path) == NEW
            assert calls.lost_in_a_power_cut(path) == []
        fail_at += 1


class _Unsynced(SystemCalls):
    def fsync(self, descriptor: int) -> None: ...

    def fdatasync(self, descriptor: int) -> None: ...


async def _prepare(driver: FilesystemDriver, filled: bool) -> None:
    if filled:
        await driver.write("repository/tag/link", OLD)
        await driver.write("blobs/aa/aabb/data", OLD)


def _content(driver: FilesystemDriver, path: str) -> bytes | None:
    try:
        return result_of(driver.read(path)).data
    except PathNotFound:
        return None


def test_a_write_into_a_folder_that_is_being_deleted_succeeds(tmp_path: Path) -> None:
    """A tag is pushed while somebody deletes it: each is done before or after the other, and neither fails."""
    tree = DurableTree(str(tmp_path), _Unsynced())
    path, deleted = str(tmp_path / "tags/1/current/link"), 0

    def write() -> None:
        for _ in range(40):
            assert commit(tree, [Change([(path, b"x")])]) == [None]

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        while not all(writer.done() for writer in writers):
            try:
                tree.delete(str(tmp_path / "tags/1"), durable=True)
                deleted += 1
            except FileNotFoundError:
                continue
    for writer in writers:
        writer.result()
    assert deleted > 0
