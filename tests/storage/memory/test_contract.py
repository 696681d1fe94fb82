"""The driver in memory keeps the contract of drivers."""

from __future__ import annotations

from pathlib import Path

from txregistry.storage.interfaces import IStorageDriver
from txregistry.storage.memory import MemoryDriver
from txregistry.testing.drivers import DriverContract


class TestMemoryDriver(DriverContract):
    def make_driver(self, folder: Path) -> IStorageDriver:
        return MemoryDriver()

    def left_behind(self, driver: IStorageDriver) -> list[str]:
        assert isinstance(driver, MemoryDriver)
        return driver.open
