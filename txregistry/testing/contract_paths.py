"""The driver contract: which paths are refused."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from txregistry.storage.errors import InvalidPath
from txregistry.storage.interfaces import IStorageDriver
from txregistry.testing.contract import Contract

_BAD_PATHS = ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a/.", "a/.hidden", "a\0b", "\0"]

_METHODS: dict[str, Callable[[IStorageDriver, str], Coroutine[Any, Any, object]]] = {
    "read": lambda driver, path: driver.read(path),
    "write": lambda driver, path: driver.write(path, b"x"),
    "stat": lambda driver, path: driver.stat(path),
    "list": lambda driver, path: driver.list(path),
    "delete": lambda driver, path: driver.delete(path),
    "remove_empty": lambda driver, path: driver.remove_empty(path),
    "open_reader": lambda driver, path: driver.open_reader(path),
    "open_writer": lambda driver, path: driver.open_writer(path),
    "open_writer to append": lambda driver, path: driver.open_writer(path, append=True),
    "touch": lambda driver, path: driver.touch(path),
    "move from": lambda driver, path: driver.move(path, "target"),
    "move to": lambda driver, path: driver.move("source", path),
    "lock": lambda driver, path: driver.lock(path),
    "hash": lambda driver, path: driver.hash(path, "sha256"),
}


class PathContract(Contract):
    """Nothing outside the root is ever touched."""

    def test_it_provides_the_interface(self, driver: IStorageDriver) -> None:
        assert verifyObject(IStorageDriver, driver)
        assert isinstance(driver.name, str)

    @pytest.mark.parametrize("method", _METHODS)
    def test_a_path_that_is_not_plain_is_refused(self, driver: IStorageDriver, method: str) -> None:
        self.wait(driver.write("source", b"content"))
        for path in _BAD_PATHS:
            with pytest.raises(InvalidPath) as caught:
                self.wait(_METHODS[method](driver, path))
            assert caught.value.path == path
        assert self.content(driver, "source") == b"content"

    def test_publishing_to_a_path_that_is_not_plain_is_refused(self, driver: IStorageDriver) -> None:
        writer = self.upload(driver, "upload", b"content")
        for path in _BAD_PATHS:
            with pytest.raises(InvalidPath):
                self.wait(writer.publish(path))
        self.wait(writer.publish("target"))
        assert self.content(driver, "target") == b"content"

    def test_dots_within_a_name_are_accepted(self, driver: IStorageDriver) -> None:
        self.wait(driver.write("a..b/v1.2/c...", b"x"))
        assert self.content(driver, "a..b/v1.2/c...") == b"x"

    def test_a_name_may_look_like_a_temporary_file(self, driver: IStorageDriver) -> None:
        tag = "v1.0b56b3c5-1a1e-4b5f-9d3f-3e2f8b0c7a11.tmp"
        self.wait(driver.write(f"tags/{tag}/link", b"x"))
        assert list(self.wait(driver.list("tags"))) == [tag]
