"""Uploads: back-pressure, batches, visits to workers, and what is left after a failure."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError, Deferred

from tests.storage.filesystem.support import LOCAL, CountedWorkers, HeldWorkers, SlowDisk
from txregistry.concurrency.workers import InlineWorkers, IWorkers
from txregistry.storage.errors import PathNotFound, StorageFailure
from txregistry.storage.filesystem.calls import SystemCalls
from txregistry.storage.filesystem.driver import FilesystemDriver
from txregistry.storage.filesystem.share import ALL_TOGETHER, BATCH, HIGH_WATER, QueueShare
from txregistry.storage.filesystem.upload import IN_LINE, MOST_UNSYNCED
from txregistry.testing.results import result_of
from txregistry.testing.streams import Pieces

PIECE = os.urandom(262_144)
MIB = 1_048_576


class _FailingCalls(SystemCalls):
    """`fdatasync` fails when told to, and the disk takes only so many bytes."""

    sync_error: int | None = None
    capacity = 1 << 40
    at_once = 1 << 30

    def fdatasync(self, descriptor: int) -> None:
        if self.sync_error is not None:
            raise OSError(self.sync_error, os.strerror(self.sync_error))

    def pwritev(self, descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
        count = min(len(pieces[0]), self.at_once, self.capacity - offset)
        if count <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().pwritev(descriptor, [memoryview(pieces[0])[:count]], offset)


def _driver(root: Path, workers: IWorkers | None = None, calls: SystemCalls | None = None) -> FilesystemDriver:
    return FilesystemDriver(str(root), workers or InlineWorkers(), traits=LOCAL, calls=calls)


def test_a_producer_is_paused_at_the_high_water_mark_and_resumed_at_the_low_one(tmp_path: Path) -> None:
    workers = HeldWorkers()
    writer = result_of(_driver(tmp_path, workers).open_writer("data"))
    producer = Pieces([PIECE] * 40, writer)
    producer.start()
    assert producer.paused_at == [HIGH_WATER // len(PIECE)]
    while producer.written == producer.paused_at[0]:
        workers.work()
    queued = HIGH_WATER - (tmp_path / "data").stat().st_size
    assert queued < HIGH_WATER // 2 <= queued + BATCH
    ending = Deferred.fromCoroutine(writer.abandon())
    while workers.waiting:
        workers.work()
    result_of(ending)


def test_all_uploads_together_queue_a_bounded_number_of_bytes(tmp_path: Path) -> None:
    workers = HeldWorkers()
    driver = _driver(tmp_path, workers)
    writers = [result_of(driver.open_writer(f"uploads/{number}")) for number in range(64)]
    producers = [Pieces([PIECE[:65_536]] * 100, writer) for writer in writers]
    for producer in producers:
        producer.start()
    assert all(producer.paused_at for producer in producers)
    assert sum(writer.offset for writer in writers) <= ALL_TOGETHER
    endings = [Deferred.fromCoroutine(writer.abandon()) for writer in writers]
    while workers.waiting:
        workers.work()
    for ending in endings:
        result_of(ending)


def test_a_share_grows_again_when_uploads_end() -> None:
    share = QueueShare()
    for _ in range(100):
        share.join()
    assert share.high_water == ALL_TOGETHER // 100
    assert share.batch <= share.low_water < share.high_water
    for _ in range(100):
        share.leave()
    assert (share.high_water, share.batch) == (HIGH_WATER, BATCH)


def test_a_batch_is_hashed_and_written_in_one_visit_to_a_worker(tmp_path: Path) -> None:
    workers = HeldWorkers()
    writer = result_of(_driver(tmp_path, workers).open_writer("data"))
    for _ in range(8):
        writer.write(PIECE)
    workers.work()  # The first batch makes the file.
    assert len(workers.waiting) == 1
    workers.work()
    assert not workers.waiting
    ending = Deferred.fromCoroutine(writer.abandon())
    workers.work()
    result_of(ending)


@pytest.mark.parametrize("size", [0, 1, 1024, IN_LINE])
def test_a_small_upload_visits_a_worker_once_to_be_written_and_once_to_be_published(tmp_path: Path, size: int) -> None:
    workers = CountedWorkers()
    driver = _driver(tmp_path, workers)
    writer = result_of(driver.open_writer("uploads/1/data"))
    writer.write(PIECE[:size])
    result_of(writer.flush())
    assert workers.visits == 1
    result_of(writer.publish("target"))
    assert workers.visits == 2


def test_small_pieces_do_not_visit_a_worker_each(tmp_path: Path) -> None:
    workers = CountedWorkers()
    writer = result_of(_driver(tmp_path, workers).open_writer("data"))
    for _ in range(1000):
        writer.write(PIECE[:1000])
    result_of(writer.flush())
    assert workers.visits == 1
    result_of(writer.abandon())


def test_writes_that_take_less_than_given_go_on(tmp_path: Path) -> None:
    calls = _FailingCalls()
    calls.at_once = 100_001
    driver = _driver(tmp_path, calls=calls)
    writer = result_of(driver.open_writer("data"))
    for _ in range(7):
        writer.write(PIECE)
    result_of(writer.publish("target"))
    assert result_of(driver.read("target")).data == PIECE * 7


@pytest.mark.parametrize("capacity", [0, 1, 100_000, 2_000_000])
def test_a_full_disk_stops_the_producer_and_keeps_what_fits(tmp_path: Path, capacity: int) -> None:
    calls = _FailingCalls()
    calls.capacity = capacity
    driver = _driver(tmp_path, calls=calls)
    writer = result_of(driver.open_writer("uploads/data"))
    producer = Pieces([PIECE] * 100, writer)
    producer.start()
    assert producer.stopped
    for _ in range(2):
        with pytest.raises(StorageFailure) as caught:
            result_of(writer.flush())
        assert (caught.value.path, caught.value.out_of_space) == ("uploads/data", True)
    with pytest.raises(StorageFailure):
        result_of(writer.publish("target"))
    result_of(writer.suspend())  # A publication that fails has done so already.
    # What does not fill the first batch is no loss: that file is removed.
    kept = 0 if capacity < MIB else capacity
    assert writer.offset == kept
    assert writer.hasher is None or kept == 0
    if kept:
        calls.capacity = 1 << 40
        writer = result_of(driver.open_writer("uploads/data", append=True))
        assert writer.offset == kept
        writer.write((PIECE * 100)[kept : kept + 10])
        result_of(writer.publish("target"))
        assert result_of(driver.read("target")).data == (PIECE * 100)[: kept + 10]
    else:
        with pytest.raises(PathNotFound):
            result_of(driver.stat("uploads/data"))


def test_a_file_that_could_not_be_synced_is_neither_published_nor_kept(tmp_path: Path) -> None:
    calls = _FailingCalls()
    calls.sync_error = errno.EIO
    driver = _driver(tmp_path, calls=calls)
    writer = result_of(driver.open_writer("uploads/data"))
    writer.write(PIECE)
    for _ in range(2):
        with pytest.raises(StorageFailure):
            result_of(writer.publish("target"))
        calls.sync_error = None  # The kernel reports an error once and then calls the pages clean.
    assert writer.offset == 0
    for path in ("target", "uploads/data"):
        with pytest.raises(PathNotFound):
            result_of(driver.stat(path))


def test_a_sync_that_fails_during_the_upload_ends_it(tmp_path: Path) -> None:
    calls = _FailingCalls()
    calls.sync_error = errno.EIO
    driver = _driver(tmp_path, calls=calls)
    writer = result_of(driver.open_writer("uploads/data"))
    producer = Pieces([PIECE] * 200, writer)
    producer.start()
    assert producer.stopped
    assert producer.written < 200
    calls.sync_error = None
    with pytest.raises(StorageFailure):
        result_of(writer.publish("target"))
    result_of(writer.suspend())
    with pytest.raises(PathNotFound):
        result_of(driver.stat("uploads/data"))


def test_the_disk_holds_back_an_upload_that_is_far_ahead_of_it(tmp_path: Path) -> None:
    workers = SlowDisk()
    driver = _driver(tmp_path, workers, _FailingCalls())
    writer = result_of(driver.open_writer("data"))
    producer = Pieces([PIECE] * 400, writer)
    producer.start()
    assert len(workers.syncs) == 1
    assert MOST_UNSYNCED <= producer.written * len(PIECE) <= MOST_UNSYNCED + HIGH_WATER + BATCH
    while not producer.finished:
        workers.syncs.pop().callback(None)
    ending = Deferred.fromCoroutine(writer.abandon())
    for sync in workers.syncs:
        sync.callback(None)
    result_of(ending)


def test_a_file_that_somebody_else_wrote_to_is_not_published(tmp_path: Path) -> None:
    driver = _driver(tmp_path)
    writer = result_of(driver.open_writer("uploads/data"))
    writer.write(b"content")
    result_of(writer.flush())
    with (tmp_path / "uploads/data").open("ab") as file:
        file.write(b"more")
    with pytest.raises(StorageFailure):
        result_of(writer.publish("target"))
    result_of(writer.suspend())
    assert writer.offset == 11
    assert writer.hasher is None


def test_an_upload_whose_folder_was_deleted_is_refused(tmp_path: Path) -> None:
    driver = _driver(tmp_path)
    writer = result_of(driver.open_writer("uploads/1/data"))
    writer.write(b"content")
    result_of(writer.flush())
    result_of(driver.delete("uploads/1"))
    with pytest.raises(StorageFailure):
        result_of(writer.publish("target"))
    result_of(writer.suspend())
    result_of(writer.abandon())


def test_bytes_that_are_being_written_when_it_is_suspended_are_kept(tmp_path: Path) -> None:
    workers = HeldWorkers()
    driver = _driver(tmp_path, workers)
    writer = result_of(driver.open_writer("data"))
    for _ in range(6):
        writer.write(PIECE)
    suspending = Deferred.fromCoroutine(writer.suspend())
    suspending.addErrback(lambda failure: None if isinstance(failure.value, CancelledError) else failure)
    suspending.cancel()
    while workers.waiting:
        workers.work()
    assert writer.offset == 6 * len(PIECE) == (tmp_path / "data").stat().st_size
    assert writer.hasher is not None
    assert writer.hasher.hexdigest() == hashlib.sha256(PIECE * 6).hexdigest()


def test_publishing_renews_the_time(tmp_path: Path) -> None:
    driver = _driver(tmp_path)
    writer = result_of(driver.open_writer("data"))
    writer.write(b"content")
    result_of(writer.flush())
    os.utime(tmp_path / "data", (1000, 1000))
    result_of(writer.publish("target"))
    assert result_of(driver.stat("target")).modified > 1000
