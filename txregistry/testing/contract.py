"""What the parts of the driver contract share: making a driver, waiting for it, and seeing that nothing is left."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred

from txregistry.storage.interfaces import IReader, IStorageDriver, IWriter
from txregistry.testing.results import result_of
from txregistry.testing.streams import Collector

T = TypeVar("T")


class Contract(ABC):
    """After every test it looks for files that are still open, and for what `left_behind` names."""

    @abstractmethod
    def make_driver(self, folder: Path) -> IStorageDriver:
        """A driver with nothing in it; `folder` is empty and its own."""

    def left_behind(self, driver: IStorageDriver) -> list[str]:
        """What the driver still holds although everything was let go: temporary files, locks, sessions.

        Wait here for work in the background that nobody waits for any more. By default there is nothing of either.
        """
        return []

    def wait(self, step: Coroutine[Deferred[Any], Any, T] | Deferred[T]) -> T:
        """The result. By default it has to be there at once, as with `InlineWorkers`."""
        return result_of(step)

    def settle(self, settled: Callable[[], bool]) -> None:
        """Let go on what works in the background until this is true. By default it has to be true at once."""
        assert settled()

    @pytest.fixture
    def driver(self, tmp_path: Path) -> Iterator[IStorageDriver]:
        """A new driver for each test."""
        before = _open_descriptors()
        driver = self.make_driver(tmp_path)
        yield driver
        left = self.left_behind(driver)
        assert not left, f"left behind: {left}"
        opened = _open_descriptors() - before
        assert not opened, f"left open: {opened}"

    def content(self, driver: IStorageDriver, path: str) -> bytes:
        """Of a file, through `read`."""
        return self.wait(driver.read(path)).data

    def pushed(self, reader: IReader) -> bytes:
        """All that a reader writes; closes it."""
        collector = Collector()
        self.wait(reader.start(collector))
        reader.close()
        assert collector.producer is None
        return collector.content

    def upload(self, driver: IStorageDriver, path: str, content: bytes) -> IWriter:
        """A writer that has taken the content and flushed it."""
        writer = self.wait(driver.open_writer(path))
        writer.write(content)
        self.wait(writer.flush())
        return writer


def _open_descriptors() -> set[tuple[str, str]]:
    # Of files and folders: pipes and sockets come and go with the reactor.
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue  # The one that lists.
        if target.startswith("/"):
            found.add((number, target))
    return found
