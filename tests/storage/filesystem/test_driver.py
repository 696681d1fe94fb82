"""What only the filesystem driver has to get right: names, modes, versions, links, pipes, and the page cache."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from tests.storage.filesystem.support import LOCAL, CountedWorkers, HeldWorkers
from txregistry.concurrency.workers import InlineWorkers
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.filesystem.driver import FilesystemDriver
from txregistry.storage.interfaces import IFileBacked
from txregistry.testing.results import result_of
from txregistry.testing.streams import Collector

LARGE = os.urandom(3_000_000)
REMOTE = evolve(LOCAL, local=False)


@pytest.fixture
def workers() -> CountedWorkers:
    return CountedWorkers()


@pytest.fixture
def driver(tmp_path: Path, workers: CountedWorkers) -> FilesystemDriver:
    return FilesystemDriver(str(tmp_path), workers)


def _evict(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _fill(folder: Path, *names: str) -> None:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"")


# Names


def test_unfinished_files_are_not_listed(driver: FilesystemDriver, tmp_path: Path) -> None:
    _fill(
        tmp_path / "folder",
        "link",
        ".0123456789abcdef0123456789abcdef.tmp",
        ".nfs0000000000000001",
        "link.0b56b3c5-1a1e-4b5f-9d3f-3e2f8b0c7a11.tmp",
    )
    assert list(result_of(driver.list("folder"))) == ["link"]
    assert list(result_of(driver.list("folder", "link", 5))) == []


def test_an_unfinished_file_of_a_dead_process_does_not_keep_a_folder(driver: FilesystemDriver, tmp_path: Path) -> None:
    leftover = ".0123456789abcdef0123456789abcdef.tmp"
    _fill(tmp_path / "folder", leftover)
    assert not result_of(driver.remove_empty("folder"))
    os.utime(tmp_path / "folder" / leftover, (1000, 1000))
    assert result_of(driver.remove_empty("folder"))
    assert not (tmp_path / "folder").exists()


def test_a_strange_old_file_keeps_a_folder(driver: FilesystemDriver, tmp_path: Path) -> None:
    _fill(tmp_path / "folder", ".mine")
    os.utime(tmp_path / "folder" / ".mine", (1000, 1000))
    assert not result_of(driver.remove_empty("folder"))


def test_a_name_that_is_too_long_cannot_be_written(driver: FilesystemDriver) -> None:
    with pytest.raises(StorageFailure):
        result_of(driver.write("x" * 300, b""))
    writer = result_of(driver.open_writer("y" * 300))
    with pytest.raises(StorageFailure):
        result_of(writer.flush())
    result_of(writer.suspend())


def test_many_names_are_listed_on_a_worker_and_few_are_not(
    driver: FilesystemDriver, workers: CountedWorkers, tmp_path: Path
) -> None:
    _fill(tmp_path / "few", *map(str, range(10)))
    _fill(tmp_path / "many", *(f"{number:060}" for number in range(1000)))
    assert len(result_of(driver.list("few"))) == 10
    assert workers.visits == 0
    if (tmp_path / "many").stat().st_size > 16_384:  # Not every filesystem tells.
        assert len(result_of(driver.list("many"))) == 1000
        assert workers.visits == 1


# Modes


def test_modes_follow_the_umask(driver: FilesystemDriver, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        result_of(driver.write("a/link", b""))
        writer = result_of(driver.open_writer("b/data"))
        result_of(writer.publish("c/data"))
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/link", "b", "c", "c/data")}
    assert modes == {"a": 0o750, "a/link": 0o640, "b": 0o750, "c": 0o750, "c/data": 0o640}


# Versions


def test_a_version_is_told_only_of_what_has_been_left_alone_for_two_seconds(tmp_path: Path) -> None:
    driver = FilesystemDriver(str(tmp_path), InlineWorkers(), now=lambda: 5000.0, traits=LOCAL)
    result_of(driver.write("folder/file", b"x"))
    for modified, trusted in ((4990.0, True), (4998.0, True), (4998.5, False), (5000.0, False), (6000.0, False)):
        for path in ("folder", "folder/file"):
            os.utime(tmp_path / path, (modified, modified))
            assert (result_of(driver.stat(path)).version is not None) is trusted
    os.utime(tmp_path / "folder/file", (4990, 4990))
    assert result_of(driver.read("folder/file")).info == result_of(driver.stat("folder/file"))


@pytest.mark.parametrize("change", ["time", "file", "size"])
def test_a_version_differs_by_time_file_and_size(tmp_path: Path, change: str) -> None:
    driver = FilesystemDriver(str(tmp_path), InlineWorkers(), now=lambda: 5000.0, traits=LOCAL)
    file = tmp_path / "file"
    file.write_bytes(b"x")
    os.utime(file, (1000, 1000))
    before = result_of(driver.stat("file")).version
    if change == "file":
        (tmp_path / "other").write_bytes(b"y")
        os.rename(tmp_path / "other", file)
    elif change == "size":
        file.write_bytes(b"yy")
    os.utime(file, (1001, 1001) if change == "time" else (1000, 1000))
    assert before != result_of(driver.stat("file")).version is not None


def test_no_version_is_told_on_a_remote_filesystem(tmp_path: Path) -> None:
    driver = FilesystemDriver(str(tmp_path), InlineWorkers(), traits=REMOTE)
    _fill(tmp_path / "folder", "file")
    for path in ("folder", "folder/file"):
        os.utime(tmp_path / path, (1000, 1000))
        assert result_of(driver.stat(path)).version is None
    assert result_of(driver.read("folder/file")).info.version is None


# Links and pipes


def test_a_symbolic_link_in_the_place_of_a_file_is_not_followed(driver: FilesystemDriver, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    for step in (driver.read("link"), driver.stat("link"), driver.hash("link", "sha256"), driver.open_reader("link")):
        with pytest.raises(PathNotFound):
            result_of(step)
    with pytest.raises(PathNotFound):
        result_of(driver.open_writer("link", append=True))
    result_of(driver.write("link", b"ours"))
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_deleting_does_not_follow_a_symbolic_link(driver: FilesystemDriver, tmp_path: Path) -> None:
    _fill(tmp_path / "elsewhere", "kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "elsewhere")
    result_of(driver.delete("folder"))
    assert (tmp_path / "elsewhere" / "kept").exists()


def test_a_folder_may_stand_on_another_disk(driver: FilesystemDriver, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    result_of(driver.write("folder/file", b"content"))
    assert result_of(driver.stat("folder")).is_folder
    assert result_of(driver.read("folder/file")).data == b"content"


def test_a_pipe_holds_nobody_up(driver: FilesystemDriver, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PathNotFound):
        result_of(driver.open_reader("pipe"))
    with pytest.raises(PathNotFound):
        result_of(driver.open_writer("pipe", append=True))
    with pytest.raises(StorageFailure):
        result_of(driver.read("pipe"))


# The page cache


def test_what_is_in_memory_is_read_without_a_worker(driver: FilesystemDriver, workers: CountedWorkers) -> None:
    result_of(driver.write("small", b"content"))
    result_of(driver.write("large", LARGE))
    visits = workers.visits
    result_of(driver.stat("small"))
    result_of(driver.read("small"))
    reader = result_of(driver.open_reader("large"))
    backed = IFileBacked(reader)
    assert backed.resident(0, 1_048_576)
    assert backed.read(5, 10) == LARGE[5:15]
    result_of(reader.start(Collector()))
    reader.close()
    assert workers.visits == visits


def test_what_is_not_in_memory_is_read_on_a_worker(
    driver: FilesystemDriver, workers: CountedWorkers, tmp_path: Path
) -> None:
    for name in ("small", "large", "warmed"):
        (tmp_path / name).write_bytes(LARGE[:200_000] if name == "small" else LARGE)
        _evict(tmp_path / name)
    assert result_of(driver.read("small")).data == LARGE[:200_000]
    reader = result_of(driver.open_reader("large"))
    collector = Collector()
    result_of(reader.start(collector))
    reader.close()
    assert collector.content == LARGE
    reader = result_of(driver.open_reader("warmed"))
    backed = IFileBacked(reader)
    if workers.visits == 0:
        pytest.skip("this filesystem keeps its files in memory")
    visits = workers.visits
    assert not backed.resident(0, 200_000)
    fetched = backed.read(0, 200_000)
    assert isinstance(fetched, Deferred)
    assert result_of(fetched) == LARGE[:200_000]
    assert backed.resident(0, 200_000)
    again = backed.read(0, 200_000)
    assert isinstance(again, bytes)
    assert LARGE[:200_000].startswith(again)
    assert workers.visits == visits + 1
    reader.close()


def test_the_disk_is_kept_busy_with_what_follows_while_a_file_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, piece, ahead = os.urandom(1 << 20) * 10, 1 << 18, 4 << 20
    (tmp_path / "file").write_bytes(content)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, start, count, _advice: told.append((start, count)))
    look, missing = os.preadv, [BlockingIOError()]

    def preadv(*arguments: Any) -> int:
        if missing:
            raise missing.pop()
        return look(*arguments)

    monkeypatch.setattr(os, "preadv", preadv)
    workers = CountedWorkers()
    reader = result_of(FilesystemDriver(str(tmp_path), workers, traits=LOCAL).open_reader("file"))
    file = IFileBacked(reader)
    received = b""
    while len(received) < len(content):
        found = file.read(len(received), piece)
        received += found if isinstance(found, bytes) else result_of(found)
    reader.close()
    assert received == content
    # Behind what was waited for; and again each time when less than that is left to fetch.
    assert told == [(piece, ahead), (piece + ahead, ahead), (piece + 2 * ahead, len(content) - piece - 2 * ahead)]
    assert workers.visits == 3


def test_a_filesystem_in_memory_needs_no_worker_to_read() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        workers = CountedWorkers()
        driver = FilesystemDriver(folder, workers)
        if not driver.traits.in_memory:
            pytest.skip("/dev/shm is no tmpfs here")
        (Path(folder) / "file").write_bytes(LARGE)
        (Path(folder) / "small").write_bytes(b"content")
        assert result_of(driver.read("small")).data == b"content"
        reader = result_of(driver.open_reader("file"))
        assert IFileBacked(reader).resident(0, 3_000_000)
        collector = Collector()
        result_of(reader.start(collector))
        reader.close()
        assert collector.content == LARGE
        assert workers.visits == 0


def test_on_a_remote_filesystem_everything_visits_a_worker(tmp_path: Path) -> None:
    workers = CountedWorkers()
    driver = FilesystemDriver(str(tmp_path), workers, traits=REMOTE)
    _fill(tmp_path / "folder", "file")
    reader = result_of(driver.open_reader("folder/file"))
    reader.close()
    assert not IFileBacked.providedBy(reader)
    assert workers.visits == 1
    lock = result_of(driver.lock("folder"))
    lock.release()
    for step in (driver.stat("folder"), driver.read("folder/file"), driver.list("folder")):
        result_of(step)
    assert workers.visits == 5


def test_a_file_that_becomes_shorter_fails_its_reader(driver: FilesystemDriver, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(LARGE)
    reader = result_of(driver.open_reader("file"))
    collector = Collector(lambda producer: os.truncate(tmp_path / "file", 1000))
    with pytest.raises(StorageFailure):
        result_of(reader.start(collector))
    reader.close()
    assert collector.producer is None


def test_a_descriptor_is_closed_only_after_the_worker_that_reads_it(tmp_path: Path) -> None:
    workers = HeldWorkers()
    driver = FilesystemDriver(str(tmp_path), workers, traits=LOCAL)
    (tmp_path / "file").write_bytes(LARGE)
    _evict(tmp_path / "file")
    reader = result_of(driver.open_reader("file"))
    descriptor = IFileBacked(reader).fileno()
    reading = reader.start(Collector())
    if not workers.waiting:
        pytest.skip("this filesystem keeps its files in memory")
    reading.addErrback(lambda _: None)
    reader.close()
    os.fstat(descriptor)
    workers.work()
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_a_file_that_nobody_waits_for_any_more_is_closed_once_it_is_open(tmp_path: Path) -> None:
    workers = HeldWorkers()
    driver = FilesystemDriver(str(tmp_path), workers, traits=REMOTE)
    (tmp_path / "file").write_bytes(LARGE)
    before = os.listdir("/proc/self/fd")
    opening = Deferred.fromCoroutine(driver.open_reader("file"))
    opening.addErrback(lambda _: None)
    opening.cancel()
    workers.work()
    assert os.listdir("/proc/self/fd") == before


def test_a_hash_that_nobody_waits_for_any_more_is_not_computed(tmp_path: Path) -> None:
    workers = HeldWorkers()
    driver = FilesystemDriver(str(tmp_path), workers, traits=LOCAL)
    (tmp_path / "file").write_bytes(LARGE)
    hashing = Deferred.fromCoroutine(driver.hash("file", "sha256"))
    hashing.addErrback(lambda _: None)
    hashing.cancel()
    _, step = workers.waiting.pop()
    assert (
        step().hexdigest()
        != result_of(FilesystemDriver(str(tmp_path), InlineWorkers()).hash("file", "sha256")).hexdigest()
    )


# Locks


def test_a_lock_excludes_other_processes(driver: FilesystemDriver, tmp_path: Path) -> None:
    _fill(tmp_path / "folder")
    take = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    command = [sys.executable, "-c", take, str(tmp_path / "folder")]
    lock = result_of(driver.lock("folder"))
    assert subprocess.run(command, capture_output=True).returncode != 0
    lock.release()
    assert subprocess.run(command, capture_output=True).returncode == 0
    descriptor = os.open(tmp_path / "folder", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(Locked):
        result_of(driver.lock("folder"))
    os.close(descriptor)


def test_a_filesystem_that_cannot_lock_says_so(tmp_path: Path) -> None:
    driver = FilesystemDriver(str(tmp_path), InlineWorkers(), traits=evolve(LOCAL, lock_folders=False))
    _fill(tmp_path / "folder")
    with pytest.raises(StorageFailure):
        result_of(driver.lock("folder"))


# The root


def test_the_root_folder_is_made(tmp_path: Path) -> None:
    driver = FilesystemDriver(str(tmp_path / "new" / "root"), InlineWorkers())
    result_of(driver.write("a", b""))
    assert (tmp_path / "new/root/a").exists()


def test_a_root_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailure):
        FilesystemDriver(str(tmp_path / "file" / "root"), InlineWorkers())


def test_a_lost_mount_is_noticed_and_nothing_is_written_in_its_place(tmp_path: Path) -> None:
    root = tmp_path / "root"
    driver = FilesystemDriver(str(root), InlineWorkers())
    result_of(driver.check())
    root.rename(tmp_path / "moved")
    for step in (driver.check(), driver.write("a/b", b"")):
        with pytest.raises(StorageFailure):
            result_of(step)
    assert not root.exists()
    # The mount point may be the root itself.
    root.mkdir()
    for step in (driver.check(), driver.write("a/b", b""), driver.create("c/d", b"")):
        with pytest.raises(StorageFailure, match="another folder"):
            result_of(step)
    assert list(root.iterdir()) == []


def test_the_check_leaves_nothing(driver: FilesystemDriver, tmp_path: Path) -> None:
    result_of(driver.check())
    assert list(tmp_path.iterdir()) == []
