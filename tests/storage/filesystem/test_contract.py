"""The filesystem driver keeps the contract of drivers, in the reactor's thread and on threads, local and remote."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from txregistry.concurrency.workers import InlineWorkers, IWorkers
from txregistry.storage.filesystem.driver import FilesystemDriver
from txregistry.storage.filesystem.probe import probe
from txregistry.storage.interfaces import IStorageDriver
from txregistry.testing.drivers import DriverContract
from txregistry.testing.results import result_of
from txregistry.testing.threads import PumpedWorkers

T = TypeVar("T")


class _FilesystemContract(DriverContract):
    local = True

    def make_workers(self) -> IWorkers:
        return InlineWorkers()

    def make_driver(self, folder: Path) -> IStorageDriver:
        root = str(folder / "root")
        os.mkdir(root)
        return FilesystemDriver(root, self.make_workers(), traits=evolve(probe(root), local=self.local))

    def left_behind(self, driver: IStorageDriver) -> list[str]:
        assert isinstance(driver, FilesystemDriver)
        return [
            os.path.join(folder, name)
            for folder, _, files in os.walk(driver.root)
            for name in files
            if name.startswith(".") or name.endswith(".tmp")
        ]


class TestInTheCallersThread(_FilesystemContract):
    pass


class TestOnARemoteFilesystem(_FilesystemContract):
    local = False


class TestOnThreads(_FilesystemContract):
    @pytest.fixture(autouse=True)
    def threads(self) -> Iterator[None]:
        self.workers = PumpedWorkers(4)
        yield
        self.workers.stop()

    def make_workers(self) -> IWorkers:
        return self.workers

    def wait(self, step: Coroutine[Deferred[Any], Any, T] | Deferred[T]) -> T:
        waiting = step if isinstance(step, Deferred) else Deferred.fromCoroutine(step)
        self.settle(lambda: waiting.called and not waiting.paused)
        return result_of(waiting)

    def settle(self, settled: Callable[[], bool]) -> None:
        while not settled():
            self.workers.pump()

    def left_behind(self, driver: IStorageDriver) -> list[str]:
        self.workers.drain()
        return super().left_behind(driver)


class TestOnThreadsAndARemoteFilesystem(TestOnThreads):
    local = False
