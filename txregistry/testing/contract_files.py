"""The driver contract: small files, read and written whole."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

import hashlib

import pytest

from txregistry.storage.errors import PathNotFound, StorageFailure
from txregistry.storage.interfaces import IStorageDriver
from txregistry.testing.contract import Contract


class FileContract(Contract):
    """`read`, `write`, `stat`, `touch`, `move`, `hash` and `check`."""

    @pytest.mark.parametrize("size", [0, 1, 71, 4096, 65_536, 262_143, 262_144, 262_145, 3_000_000])
    @pytest.mark.parametrize("durable", [True, False])
    def test_what_is_written_is_read(self, driver: IStorageDriver, size: int, durable: bool) -> None:
        content = bytes(range(251)) * (size // 251 + 1)
        self.wait(driver.write("a/b/c", content[:size], durable))
        read = self.wait(driver.read("a/b/c"))
        assert read.data == content[:size]
        assert (read.info.size, read.info.is_folder) == (size, False)

    def test_what_is_created_is_read_and_replaces(self, driver: IStorageDriver) -> None:
        self.wait(driver.create("a/b/c", b"the first and longer one"))
        self.wait(driver.create("a/b/c", b"the second"))
        assert self.content(driver, "a/b/c") == b"the second"

    def test_moving_is_a_change_of_the_file_and_not_of_its_content(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("a", b"content"))
        before = self.wait(driver.stat("a"))
        self.wait(driver.move("a", "b", durable=False))
        after = self.wait(driver.stat("b"))
        assert after.modified == before.modified
        assert after.changed >= before.changed

    def test_writing_again_replaces(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("a", b"the first and longer one"))
        self.wait(driver.write("a", b"the second"))
        assert self.content(driver, "a") == b"the second"

    @pytest.mark.parametrize("path", ["absent", "file/below", "folder", "folder/absent", "x" * 1000])
    def test_reading_what_is_no_file_is_refused(self, driver: IStorageDriver, path: str) -> None:
        self.wait(driver.write("file", b""))
        self.wait(driver.write("folder/file", b""))
        with pytest.raises(PathNotFound) as caught:
            self.wait(driver.read(path))
        assert caught.value.path == path
        with pytest.raises(PathNotFound):
            self.wait(driver.hash(path, "sha256"))
        with pytest.raises(PathNotFound):
            self.wait(driver.open_reader(path))
        with pytest.raises(PathNotFound):
            self.wait(driver.open_writer(path, append=True))

    @pytest.mark.parametrize("path", ["absent", "file/below", "folder/absent", "absent/absent", "x" * 1000])
    def test_what_is_absent_has_no_status_and_cannot_be_changed(self, driver: IStorageDriver, path: str) -> None:
        self.wait(driver.write("file", b""))
        self.wait(driver.write("folder/file", b""))
        for step in (driver.stat(path), driver.touch(path), driver.delete(path), driver.move(path, "target")):
            with pytest.raises(PathNotFound) as caught:
                self.wait(step)
            assert caught.value.path == path

    def test_nothing_is_written_below_a_file(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("file", b"content"))
        with pytest.raises(StorageFailure):
            self.wait(driver.write("file/below", b"x"))
        assert self.content(driver, "file") == b"content"

    def test_a_folder_is_not_replaced_by_a_file(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("folder/file", b"content"))
        with pytest.raises(StorageFailure):
            self.wait(driver.write("folder", b"x"))
        assert self.content(driver, "folder/file") == b"content"

    def test_the_status_tells_size_and_kind(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("folder/file", b"12345"))
        file, folder = self.wait(driver.stat("folder/file")), self.wait(driver.stat("folder"))
        assert (file.size, file.is_folder, folder.is_folder) == (5, False, True)

    def test_a_version_differs_after_each_change_if_there_is_one(self, driver: IStorageDriver) -> None:
        seen = []
        for content in (b"1", b"2", b"2", b"3"):
            self.wait(driver.write("file", content))
            version = self.wait(driver.stat("file")).version
            assert version is None or version not in seen
            assert version == self.wait(driver.stat("file")).version or version is None
            seen.append(version)

    def test_content_comes_with_the_version_that_the_status_tells(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("file", b"content"))
        version = self.wait(driver.read("file")).info.version
        assert version is None or version == self.wait(driver.stat("file")).version

    def test_touching_renews_the_time_and_keeps_the_content(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("folder/file", b"content"))
        before = self.wait(driver.stat("folder/file")).modified
        self.wait(driver.touch("folder/file"))
        self.wait(driver.touch("folder"))
        assert self.wait(driver.stat("folder/file")).modified >= before
        assert self.content(driver, "folder/file") == b"content"

    @pytest.mark.parametrize("durable", [True, False])
    def test_moving_makes_folders_and_replaces(self, driver: IStorageDriver, durable: bool) -> None:
        self.wait(driver.write("a/source", b"moved"))
        self.wait(driver.move("a/source", "b/c/target", durable))
        assert self.content(driver, "b/c/target") == b"moved"
        self.wait(driver.write("other", b"moved too"))
        self.wait(driver.move("other", "b/c/target", durable))
        assert self.content(driver, "b/c/target") == b"moved too"
        for gone in ("a/source", "other"):
            with pytest.raises(PathNotFound):
                self.wait(driver.stat(gone))

    def test_moving_takes_a_folder_with_all_below_it(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("blobs/aa/data", b"content"))
        self.wait(driver.move("blobs/aa", "trash/run/aa"))
        assert self.content(driver, "trash/run/aa/data") == b"content"
        assert list(self.wait(driver.list("blobs"))) == []

    def test_a_folder_is_not_moved_into_itself(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("a/b", b"content"))
        with pytest.raises(StorageFailure):
            self.wait(driver.move("a", "a/c/d"))
        assert self.content(driver, "a/b") == b"content"

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    @pytest.mark.parametrize("size", [0, 1, 1_048_576, 2_500_000])
    def test_hashing_reads_the_whole_file(self, driver: IStorageDriver, algorithm: str, size: int) -> None:
        self.wait(driver.write("file", b"x" * size))
        hasher = self.wait(driver.hash("file", algorithm))
        assert hasher.name == algorithm
        assert hasher.hexdigest() == hashlib.new(algorithm, b"x" * size).hexdigest()

    def test_a_store_that_can_serve_passes_the_check(self, driver: IStorageDriver) -> None:
        self.wait(driver.check())
