"""What kind of folder each of many is."""

from __future__ import annotations

from collections.abc import Sequence

from tests.registry.world import now
from txregistry.storage.folders import FolderKinds
from txregistry.storage.memory import MemoryDriver


class Counting(MemoryDriver):
    """Tells which folders were listed."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[str] = []

    async def list(self, path: str, after: str | None = None, limit: int | None = None) -> Sequence[str]:
        self.listed.append(path)
        return await super().list(path, after, limit)


def _filled(*paths: str) -> Counting:
    driver = Counting()
    for path in paths:
        now(driver.write(path, b""))
    return driver


def test_what_is_no_folder_has_no_kind() -> None:
    driver = _filled("all/a/one", "all/a/two", "all/b/one", "all/file")
    kinds = FolderKinds(driver, tuple)
    assert now(kinds.of("all", ["a", "absent", "b", "file"])) == [("one", "two"), None, ("one",), None]
    assert now(kinds.of("absent", ["a"])) == [None]
    assert now(kinds.of("all", [])) == []


def test_a_folder_is_listed_again_only_after_a_change() -> None:
    driver = _filled("all/a/one", "all/b/one")
    kinds = FolderKinds(driver, len)
    for _ in range(2):
        assert now(kinds.of("all", ["a", "b"])) == [1, 1]
    assert driver.listed == ["all/a", "all/b"]
    now(driver.write("all/b/two", b""))
    assert now(kinds.of("all", ["a", "b"])) == [1, 2]
    assert driver.listed == ["all/a", "all/b", "all/b"]


def test_a_folder_that_came_again_is_another() -> None:
    driver = _filled("all/a/one")
    kinds = FolderKinds(driver, tuple)
    assert now(kinds.of("all", ["a"])) == [("one",)]
    now(driver.delete("all/a"))
    assert now(kinds.of("all", ["a"])) == [None]
    now(driver.write("all/a/other", b""))
    assert now(kinds.of("all", ["a"])) == [("other",)]


def test_no_more_than_so_many_are_remembered() -> None:
    driver = _filled("x/a/1", "x/b/1", "y/a/1", "y/b/1")
    kinds = FolderKinds(driver, len, most=3)
    for around in ("x", "y", "y", "x"):
        assert now(kinds.of(around, ["a", "b"])) == [1, 1]
    # The fourth of them took the place of those around x.
    assert driver.listed == ["x/a", "x/b", "y/a", "y/b", "x/a", "x/b"]
