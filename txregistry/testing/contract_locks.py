"""The driver contract: locks."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

import pytest

from txregistry.storage.errors import Locked, PathNotFound
from txregistry.storage.interfaces import IStorageDriver
from txregistry.testing.contract import Contract


class LockContract(Contract):
    """`lock` and its release."""

    def test_a_folder_is_locked_once_at_a_time(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("folder/file", b""))
        lock = self.wait(driver.lock("folder"))
        with pytest.raises(Locked) as caught:
            self.wait(driver.lock("folder"))
        assert caught.value.path == "folder"
        lock.release()
        self.wait(driver.lock("folder")).release()

    def test_releasing_again_does_not_release_for_somebody_else(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("folder/file", b""))
        first = self.wait(driver.lock("folder"))
        first.release()
        second = self.wait(driver.lock("folder"))
        first.release()
        with pytest.raises(Locked):
            self.wait(driver.lock("folder"))
        second.release()

    def test_locks_on_different_folders_are_independent(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("a/b/file", b""))
        locks = [self.wait(driver.lock(path)) for path in ("a", "a/b")]
        for lock in locks:
            lock.release()

    @pytest.mark.parametrize("path", ["absent", "file"])
    def test_only_an_existing_folder_is_locked(self, driver: IStorageDriver, path: str) -> None:
        self.wait(driver.write("file", b""))
        with pytest.raises(PathNotFound):
            self.wait(driver.lock(path))

    def test_a_locked_folder_can_be_written_into_and_deleted(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("folder/file", b""))
        lock = self.wait(driver.lock("folder"))
        self.wait(driver.write("folder/other", b""))
        self.wait(driver.delete("folder"))
        lock.release()
