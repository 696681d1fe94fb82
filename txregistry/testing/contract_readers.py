"""The driver contract: readers."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IPushProducer

from txregistry.storage.interfaces import IFileBacked, IReader, IStorageDriver
from txregistry.testing.contract import Contract
from txregistry.testing.streams import Collector

_LARGE = os.urandom(5_000_001)
_HELD = 1_048_576


def _pause_and_resume(producer: IPushProducer) -> None:
    producer.pauseProducing()
    producer.resumeProducing()


class ReaderContract(Contract):
    """`open_reader`, and `IReader` and `IFileBacked` of what it gives."""

    def _reader(self, driver: IStorageDriver, content: bytes, first: int = 0, last: int | None = None) -> IReader:
        self.wait(driver.write("folder/file", content, durable=False))
        return self.wait(driver.open_reader("folder/file", first, last))

    @pytest.mark.parametrize(
        ("first", "last", "expected"),
        [
            (0, None, b"0123456789"),
            (0, 9, b"0123456789"),
            (3, None, b"3456789"),
            (3, 5, b"345"),
            (9, 9, b"9"),
            (4, 1000, b"456789"),
            (10, None, b""),
            (1000, 2000, b""),
        ],
    )
    def test_a_range_includes_both_ends_and_is_cut(
        self, driver: IStorageDriver, first: int, last: int | None, expected: bytes
    ) -> None:
        reader = self._reader(driver, b"0123456789", first, last)
        assert (reader.length, reader.total) == (len(expected), 10)
        assert self.pushed(reader) == expected

    def test_an_empty_file_has_a_reader(self, driver: IStorageDriver) -> None:
        reader = self._reader(driver, b"")
        assert (reader.length, reader.total) == (0, 0)
        assert self.pushed(reader) == b""

    @pytest.mark.parametrize("react", [None, _pause_and_resume])
    def test_a_large_file_comes_in_bounded_pieces(
        self, driver: IStorageDriver, react: Callable[[IPushProducer], None] | None
    ) -> None:
        reader = self._reader(driver, _LARGE, 7, 4_900_000)
        collector = Collector(react)
        self.wait(reader.start(collector))
        reader.close()
        assert collector.content == _LARGE[7:4_900_001]
        assert max(map(len, collector.pieces)) <= _HELD

    def test_nothing_comes_while_it_is_paused(self, driver: IStorageDriver) -> None:
        reader = self._reader(driver, _LARGE)
        collector = Collector(lambda producer: producer.pauseProducing())
        done = reader.start(collector)
        resumed = 0
        while not done.called:
            expected = resumed + 1
            self.settle(partial(lambda expected: done.called or len(collector.pieces) == expected, expected))
            if not done.called:
                IPushProducer(collector.producer).resumeProducing()
                resumed += 1
        self.wait(done)
        reader.close()
        assert collector.content == _LARGE
        assert resumed == len(collector.pieces) > 4

    def test_a_consumer_that_stops_it_gets_nothing_more(self, driver: IStorageDriver) -> None:
        reader = self._reader(driver, _LARGE)
        collector = Collector(lambda producer: producer.stopProducing())
        with pytest.raises(CancelledError):
            self.wait(reader.start(collector))
        reader.close()
        assert len(collector.pieces) == 1
        assert collector.producer is None

    def test_cancelling_stops_it(self, driver: IStorageDriver) -> None:
        reader = self._reader(driver, _LARGE)
        collector = Collector(lambda producer: producer.pauseProducing())
        done = reader.start(collector)
        done.cancel()
        with pytest.raises(CancelledError):
            self.wait(done)
        assert collector.producer is None
        reader.close()

    def test_closing_stops_it(self, driver: IStorageDriver) -> None:
        reader = self._reader(driver, _LARGE)
        collector = Collector(lambda producer: producer.pauseProducing())
        done = reader.start(collector)
        reader.close()
        reader.close()
        with pytest.raises(CancelledError):
            self.wait(done)
        assert collector.producer is None

    @pytest.mark.parametrize("change", ["delete", "replace"])
    def test_what_was_opened_stays_readable(self, driver: IStorageDriver, change: str) -> None:
        reader = self._reader(driver, _LARGE)
        if change == "delete":
            self.wait(driver.delete("folder"))
        else:
            self.wait(driver.write("folder/file", b"other content"))
        assert self.pushed(reader) == _LARGE

    def test_one_with_a_descriptor_tells_where_its_bytes_are(self, driver: IStorageDriver) -> None:
        reader = self._reader(driver, _LARGE, 5, 4_000_004)
        backed = IFileBacked(reader, None)
        if backed is not None:
            assert backed.first == 5
            for offset, count in ((5, 1), (5, 4_000_000), (4_000_000, 5)):
                found = backed.read(offset, count)
                piece = found if isinstance(found, bytes) else self.wait(found)
                assert piece and _LARGE[offset : offset + count].startswith(piece)
                assert backed.resident(offset, len(piece)) in (True, False)
            assert os.pread(backed.fileno(), 1000, backed.first) == _LARGE[5:1005]
        reader.close()

    def test_one_that_is_never_started_can_be_closed(self, driver: IStorageDriver) -> None:
        reader = self._reader(driver, b"content")
        reader.close()
        reader.close()
