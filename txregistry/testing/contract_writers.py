"""The driver contract: writers."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

import hashlib
import os

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txregistry.storage.errors import PathNotFound, StorageFailure
from txregistry.storage.interfaces import IStorageDriver
from txregistry.testing.contract import Contract
from txregistry.testing.streams import Pieces

# More than any queue may hold, in pieces of the size that a socket gives.
_PIECES = [os.urandom(262_144) for _ in range(40)]
_WHOLE = b"".join(_PIECES)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _cancelled(failure: Failure) -> None:
    assert isinstance(failure.value, CancelledError)


class WriterContract(Contract):
    """`open_writer`, and `IWriter` of what it gives."""

    @pytest.mark.parametrize("size", [0, 1, 1000, 262_145, 3_000_000])
    def test_what_was_written_is_published_whole(self, driver: IStorageDriver, size: int) -> None:
        content = _WHOLE[:size]
        writer = self.wait(driver.open_writer("uploads/1/data"))
        writer.write(content)
        assert writer.offset == size
        assert self.wait(writer.flush()) == size
        assert writer.hasher is not None
        assert writer.hasher.hexdigest() == _sha256(content)
        self.wait(writer.publish("blobs/aa/data"))
        assert self.content(driver, "blobs/aa/data") == content
        assert writer.offset == size
        with pytest.raises(PathNotFound):
            self.wait(driver.stat("uploads/1/data"))

    def test_publishing_needs_no_flush(self, driver: IStorageDriver) -> None:
        writer = self.wait(driver.open_writer("uploads/1/data"))
        writer.write(b"content")
        self.wait(writer.publish("target"))
        assert self.content(driver, "target") == b"content"

    def test_publishing_writes_links_and_removes_what_is_left_over(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("uploads/1/startedat", b"now"))
        self.wait(driver.write("links/b", b"the old one"))
        writer = self.upload(driver, "uploads/1/data", b"content")
        self.wait(writer.publish("blobs/data", [("links/a", b"first"), ("links/b", b"second")], "uploads/1"))
        assert self.content(driver, "blobs/data") == b"content"
        assert self.content(driver, "links/a") == b"first"
        assert self.content(driver, "links/b") == b"second"
        assert self.wait(driver.list("uploads")) == []

    def test_publishing_replaces(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("blobs/data", b"damaged content"))
        self.wait(self.upload(driver, "uploads/1/data", b"content").publish("blobs/data"))
        assert self.content(driver, "blobs/data") == b"content"

    def test_a_publication_that_fails_keeps_the_upload(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("file", b""))
        writer = self.upload(driver, "uploads/1/data", b"content")
        with pytest.raises(StorageFailure):
            self.wait(writer.publish("file/below"))
        assert writer.offset == 7
        writer = self.wait(driver.open_writer("uploads/1/data", append=True))
        self.wait(writer.publish("target"))
        assert self.content(driver, "target") == b"content"

    def test_nothing_is_visible_before_it_is_published(self, driver: IStorageDriver) -> None:
        writer = self.upload(driver, "uploads/1/data", b"content")
        with pytest.raises(PathNotFound):
            self.wait(driver.stat("target"))
        self.wait(writer.abandon())

    def test_what_was_flushed_can_be_read(self, driver: IStorageDriver) -> None:
        writer = self.upload(driver, "uploads/1/data", b"content")
        assert self.wait(driver.stat("uploads/1/data")).size == 7
        assert self.content(driver, "uploads/1/data") == b"content"
        self.wait(writer.abandon())

    def test_a_suspended_upload_goes_on_at_its_end(self, driver: IStorageDriver) -> None:
        writer = self.wait(driver.open_writer("uploads/1/data"))
        writer.write(b"one ")
        self.wait(writer.suspend())
        assert writer.offset == 4
        for number, piece in enumerate((b"two ", b"three")):
            writer = self.wait(driver.open_writer("uploads/1/data", append=True))
            assert writer.offset == 4 + 4 * number
            writer.write(piece)
            self.wait(writer.suspend())
        writer = self.wait(driver.open_writer("uploads/1/data", append=True))
        self.wait(writer.publish("target"))
        assert self.content(driver, "target") == b"one two three"

    def test_suspending_leaves_a_file_even_without_any_bytes(self, driver: IStorageDriver) -> None:
        writer = self.wait(driver.open_writer("uploads/1/data"))
        self.wait(writer.suspend())
        assert self.wait(driver.stat("uploads/1/data")).size == 0
        writer = self.wait(driver.open_writer("uploads/1/data", append=True))
        writer.write(b"content")
        self.wait(writer.flush())
        assert writer.hasher is not None
        assert writer.hasher.hexdigest() == _sha256(b"content")
        self.wait(writer.abandon())

    def test_a_hasher_that_stands_at_the_end_goes_on(self, driver: IStorageDriver) -> None:
        self.wait(self.upload(driver, "data", b"one ").suspend())
        writer = self.wait(driver.open_writer("data", append=True, hasher=hashlib.sha512(b"one ")))
        writer.write(b"two")
        self.wait(writer.flush())
        assert writer.hasher is not None
        assert writer.hasher.hexdigest() == hashlib.sha512(b"one two").hexdigest()
        self.wait(writer.abandon())

    def test_without_a_hasher_for_what_is_there_none_is_begun(self, driver: IStorageDriver) -> None:
        self.wait(self.upload(driver, "data", b"one ").suspend())
        writer = self.wait(driver.open_writer("data", append=True))
        writer.write(b"two")
        self.wait(writer.flush())
        assert writer.hasher is None
        self.wait(writer.abandon())

    def test_a_new_file_takes_the_hasher_it_is_given(self, driver: IStorageDriver) -> None:
        writer = self.wait(driver.open_writer("data", hasher=hashlib.sha512()))
        writer.write(b"content")
        self.wait(writer.flush())
        assert writer.hasher is not None
        assert writer.hasher.name == "sha512"
        assert writer.hasher.hexdigest() == hashlib.sha512(b"content").hexdigest()
        self.wait(writer.abandon())

    def test_there_must_be_something_to_append_to(self, driver: IStorageDriver) -> None:
        with pytest.raises(PathNotFound):
            self.wait(driver.open_writer("absent/data", append=True))

    def test_abandoning_removes_the_file(self, driver: IStorageDriver) -> None:
        writer = self.upload(driver, "uploads/1/data", b"content")
        self.wait(writer.abandon())
        self.wait(writer.abandon())
        self.wait(writer.suspend())
        with pytest.raises(PathNotFound):
            self.wait(driver.stat("uploads/1/data"))

    def test_abandoning_right_away_leaves_nothing(self, driver: IStorageDriver) -> None:
        writer = self.wait(driver.open_writer("uploads/1/data"))
        writer.write(b"content")
        self.wait(writer.abandon())
        with pytest.raises(PathNotFound):
            self.wait(driver.stat("uploads/1/data"))

    def test_after_publishing_the_ends_do_nothing(self, driver: IStorageDriver) -> None:
        writer = self.upload(driver, "uploads/1/data", b"content")
        self.wait(writer.publish("target"))
        self.wait(writer.suspend())
        self.wait(writer.abandon())
        assert self.content(driver, "target") == b"content"

    @pytest.mark.parametrize("end", ["suspend", "abandon"])
    def test_nothing_is_taken_after_the_end(self, driver: IStorageDriver, end: str) -> None:
        writer = self.upload(driver, "data", b"content")
        self.wait(writer.suspend() if end == "suspend" else writer.abandon())
        offset = writer.offset
        late = Pieces([b"more"], writer)
        late.start()
        assert late.stopped
        writer.write(b"more")
        assert writer.offset == offset
        if end == "suspend":
            assert self.content(driver, "data") == b"content"

    def test_a_producer_is_held_back_and_every_byte_comes_in_order(self, driver: IStorageDriver) -> None:
        writer = self.wait(driver.open_writer("data"))
        producer = Pieces(_PIECES, writer)
        producer.start()
        self.settle(lambda: producer.finished)
        assert self.wait(writer.flush()) == len(_WHOLE)
        assert writer.hasher is not None
        assert writer.hasher.hexdigest() == _sha256(_WHOLE)
        self.wait(writer.publish("target"))
        assert self.wait(driver.hash("target", "sha256")).hexdigest() == _sha256(_WHOLE)

    @pytest.mark.parametrize("size", [1, 100, 40_000])
    def test_small_pieces_come_in_order(self, driver: IStorageDriver, size: int) -> None:
        whole = _WHOLE[: min(len(_WHOLE), size * 3000)]
        writer = self.wait(driver.open_writer("data"))
        producer = Pieces([whole[at : at + size] for at in range(0, len(whole), size)], writer)
        producer.start()
        self.settle(lambda: producer.finished)
        self.wait(writer.publish("target"))
        assert self.content(driver, "target") == whole

    def test_there_is_one_producer_at_a_time_and_it_pushes(self, driver: IStorageDriver) -> None:
        writer = self.wait(driver.open_writer("data"))
        first, second = Pieces([b"x"], writer), Pieces([b"y"], writer)
        with pytest.raises(ValueError):
            writer.registerProducer(first, False)
        writer.registerProducer(first, True)
        with pytest.raises(RuntimeError):
            writer.registerProducer(second, True)
        writer.unregisterProducer()
        second.start()
        assert second.finished
        self.wait(writer.abandon())

    @pytest.mark.parametrize("end", ["suspend", "abandon"])
    def test_the_end_stops_a_producer_that_is_still_there(self, driver: IStorageDriver, end: str) -> None:
        writer = self.wait(driver.open_writer("data"))
        producer = Pieces([b"x"], writer)
        writer.registerProducer(producer, True)
        self.wait(writer.suspend() if end == "suspend" else writer.abandon())
        assert producer.stopped

    def test_a_flush_that_nobody_waits_for_any_more_loses_nothing(self, driver: IStorageDriver) -> None:
        writer = self.wait(driver.open_writer("data"))
        for piece in _PIECES[:8]:
            writer.write(piece)
        flushing = Deferred.fromCoroutine(writer.flush())
        flushing.addErrback(_cancelled)
        flushing.cancel()
        self.wait(writer.suspend())
        assert writer.offset == 8 * 262_144
        assert self.content(driver, "data") == b"".join(_PIECES[:8])

    @pytest.mark.parametrize("end", ["publish", "suspend", "abandon"])
    def test_an_end_that_nobody_waits_for_any_more_is_reached(self, driver: IStorageDriver, end: str) -> None:
        writer = self.upload(driver, "data", b"content")
        step = {"publish": writer.publish("target"), "suspend": writer.suspend(), "abandon": writer.abandon()}
        ending = Deferred.fromCoroutine(step.pop(end))
        for other in step.values():
            other.close()
        ending.addErrback(_cancelled)
        ending.cancel()
        self.wait(writer.suspend())  # Waits for the end before it and then has nothing to do.
        there = {"publish": "target", "suspend": "data", "abandon": None}[end]
        for path in ("target", "data"):
            if path == there:
                assert self.content(driver, path) == b"content"
            else:
                with pytest.raises(PathNotFound):
                    self.wait(driver.stat(path))
