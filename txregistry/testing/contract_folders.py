"""The driver contract: folders, which come with what is written into them."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

import pytest

from txregistry.storage.errors import InvalidPath, PathNotFound
from txregistry.storage.interfaces import IStorageDriver
from txregistry.testing.contract import Contract

_NAMES = ["A", "a", "a-b", "a.b", "a0", "aa", "b", "ä", "語"]


class FolderContract(Contract):
    """`list`, `delete` and `remove_empty`."""

    def _fill(self, driver: IStorageDriver, folder: str, names: list[str]) -> None:
        for name in names:
            self.wait(driver.write(f"{folder}/{name}/link", b"x", durable=False))

    def test_names_are_sorted_by_code_point(self, driver: IStorageDriver) -> None:
        self._fill(driver, "folder", list(reversed(_NAMES)))
        assert list(self.wait(driver.list("folder"))) == sorted(_NAMES)

    @pytest.mark.parametrize(
        ("after", "limit", "expected"),
        [
            (None, 2, ["A", "a"]),
            (None, 0, []),
            ("a", None, ["a-b", "a.b", "a0", "aa", "b", "ä", "語"]),
            ("a", 2, ["a-b", "a.b"]),
            ("a/", 1, ["a0"]),  # Names that are not there have their place too.
            ("語", 5, []),
            ("", 1, ["A"]),
            ("aa", 100, ["b", "ä", "語"]),
        ],
    )
    def test_a_part_of_the_names(
        self, driver: IStorageDriver, after: str | None, limit: int | None, expected: list[str]
    ) -> None:
        self._fill(driver, "folder", _NAMES)
        assert list(self.wait(driver.list("folder", after, limit))) == expected

    def test_many_names_page_by_page_are_all_of_them(self, driver: IStorageDriver) -> None:
        names = [f"{number:04}" for number in range(700)]
        for name in reversed(names):
            self.wait(driver.write(f"folder/{name}", b"", durable=False))
        found: list[str] = []
        while page := self.wait(driver.list("folder", found[-1] if found else None, 30)):
            found += page
        assert found == names

    def test_only_direct_children_are_listed_files_and_folders(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("folder/file", b""))
        self.wait(driver.write("folder/deep/er/file", b""))
        assert list(self.wait(driver.list("folder"))) == ["deep", "file"]

    @pytest.mark.parametrize("path", ["absent", "file", "file/below"])
    def test_what_is_no_folder_has_no_list(self, driver: IStorageDriver, path: str) -> None:
        self.wait(driver.write("file", b""))
        with pytest.raises(PathNotFound):
            self.wait(driver.list(path))

    @pytest.mark.parametrize("times", [1, 20])
    def test_many_are_looked_at_as_each_alone(self, driver: IStorageDriver, times: int) -> None:
        self._fill(driver, "folder", ["a", "b"])
        names = ["b/link", "absent", "a", "b", "b/link/below", "a/absent"] * times
        looks = self.wait(driver.stat_each("folder", names))
        for name, info in zip(names, looks, strict=True):
            if info is None:
                with pytest.raises(PathNotFound):
                    self.wait(driver.stat(f"folder/{name}"))
            else:
                assert info == self.wait(driver.stat(f"folder/{name}"))
        assert [info is None for info in looks] == [False, True, False, False, True, True] * times
        assert list(self.wait(driver.stat_each("folder", []))) == []
        assert list(self.wait(driver.stat_each("absent", ["a"] * times))) == [None] * times

    @pytest.mark.parametrize("name", ["..", "a/../b", ".hidden", "a//b", "", "a\0b"])
    def test_what_is_no_path_is_not_looked_at(self, driver: IStorageDriver, name: str) -> None:
        with pytest.raises(InvalidPath):
            self.wait(driver.stat_each("folder", ["a", name]))

    def test_a_folders_version_differs_after_a_child_has_come_or_gone_if_there_is_one(
        self, driver: IStorageDriver
    ) -> None:
        seen = []
        for step in (
            driver.write("folder/a", b""),
            driver.write("folder/b", b""),
            driver.delete("folder/a"),
            driver.move("folder/b", "folder/c"),
        ):
            self.wait(step)
            version = self.wait(driver.stat("folder")).version
            assert version is None or version not in seen
            seen.append(version)

    @pytest.mark.parametrize("durable", [True, False])
    def test_deleting_takes_all_below_and_leaves_what_is_beside(self, driver: IStorageDriver, durable: bool) -> None:
        for path in ("a/b/c", "a/b/d/e", "a/b/d/f/g", "a/bb"):
            self.wait(driver.write(path, b"x", durable=False))
        self.wait(driver.delete("a/b", durable))
        assert list(self.wait(driver.list("a"))) == ["bb"]
        self.wait(driver.delete("a/bb", durable))
        assert list(self.wait(driver.list("a"))) == []

    def test_what_was_deleted_can_be_written_again(self, driver: IStorageDriver) -> None:
        for content in (b"1", b"2"):
            self.wait(driver.write("a/b/c", content))
            assert self.content(driver, "a/b/c") == content
            self.wait(driver.delete("a"))

    def test_only_an_empty_folder_is_removed(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("folder/file", b""))
        assert not self.wait(driver.remove_empty("folder"))
        assert not self.wait(driver.remove_empty("folder/file"))
        self.wait(driver.delete("folder/file"))
        assert self.wait(driver.remove_empty("folder"))
        with pytest.raises(PathNotFound):
            self.wait(driver.stat("folder"))

    def test_a_folder_that_is_gone_already_counts_as_removed(self, driver: IStorageDriver) -> None:
        assert self.wait(driver.remove_empty("absent"))
        assert self.wait(driver.remove_empty("absent/absent"))
