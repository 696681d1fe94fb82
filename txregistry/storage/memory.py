"""The storage driver that keeps everything in this process and forgets it at the end."""

from __future__ import annotations

import hashlib
import itertools
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence

from attrs import define, field
from zope.interface import implementer

from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.interfaces import Content, FileInfo, Hasher, ILock, IReader, IStorageDriver, IWriter
from txregistry.storage.memory_streams import File, MemoryReader, MemoryWriter
from txregistry.storage.paths import check_path


@define(eq=False)
class _Folder:
    modified: float
    version: int
    children: dict[str, File | _Folder] = field(factory=dict)
    names: list[str] | None = None
    moved: float = 0.0


_Node = File | _Folder


@implementer(IStorageDriver)
class MemoryDriver:
    """Nothing waits, and versions are counters that can always be trusted; `now` tells seconds since the epoch.

    `open` holds the path of every reader, writer and lock that was not let go.
    """

    name = "inmemory"

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.open: list[str] = []
        self._now = now
        self._versions = itertools.count()
        self._root = _Folder(now(), next(self._versions))
        self._locked: set[str] = set()

    async def read(self, path: str) -> Content:
        """See `IStorageDriver`."""
        file = self._file(path)
        return Content(bytes(file.content), _describe(file))

    async def write(self, path: str, content: bytes, durable: bool = True) -> None:
        """See `IStorageDriver`."""
        self._put(path, File(content, self._now(), next(self._versions)))

    async def create(self, path: str, content: bytes) -> None:
        """See `IStorageDriver`."""
        await self.write(path, content, durable=False)

    async def stat(self, path: str) -> FileInfo:
        """See `IStorageDriver`."""
        return _describe(self._node(path))

    async def stat_each(self, folder: str, names: Sequence[str]) -> Sequence[FileInfo | None]:
        """See `IStorageDriver`."""
        return [self._described(f"{folder}/{name}") for name in names]

    async def list(self, path: str, after: str | None = None, limit: int | None = None) -> Sequence[str]:
        """See `IStorageDriver`."""
        folder = self._node(path)
        if not isinstance(folder, _Folder):
            raise PathNotFound(path)
        if folder.names is None:
            folder.names = sorted(folder.children)
        begin = 0 if after is None else bisect_right(folder.names, after)
        return folder.names[begin : None if limit is None else begin + limit]

    async def delete(self, path: str, durable: bool = True) -> None:
        """See `IStorageDriver`."""
        self._node(path)
        self._remove(path)

    async def remove_empty(self, path: str) -> bool:
        """See `IStorageDriver`."""
        try:
            node = self._node(path)
        except PathNotFound:
            return True
        if not isinstance(node, _Folder) or node.children:
            return False
        self._remove(path)
        return True

    async def open_reader(self, path: str, first: int = 0, last: int | None = None) -> IReader:
        """See `IStorageDriver`."""
        content = bytes(self._file(path).content)
        end = len(content) if last is None else min(last + 1, len(content))
        return MemoryReader(content, first, max(0, end - first), self._opened(path))

    async def open_writer(self, path: str, append: bool = False, hasher: Hasher | None = None) -> IWriter:
        """See `IStorageDriver`."""
        if append:
            file = self._file(path)
            file.content = bytearray(file.content)
        else:
            file = File(bytearray(), self._now(), next(self._versions))
            self._put(path, file)
        if hasher is None and not file.content:
            hasher = hashlib.sha256()
        return MemoryWriter(self, path, file, hasher, self._opened(path))

    async def touch(self, path: str) -> None:
        """See `IStorageDriver`."""
        self.changed(self._node(path))

    async def move(self, source: str, target: str, durable: bool = True) -> None:
        """See `IStorageDriver`."""
        node = self._node(source)
        node.moved = self._now()
        if (target + "/").startswith(source + "/"):
            raise StorageFailure(target, "a folder cannot be moved into itself")
        self._put(target, node)
        self._remove(source)

    async def lock(self, path: str) -> ILock:
        """See `IStorageDriver`."""
        if not isinstance(self._node(path), _Folder):
            raise PathNotFound(path)
        if path in self._locked:
            raise Locked(path)
        self._locked.add(path)
        return MemoryLock(self._locked, path, self._opened(path))

    async def hash(self, path: str, algorithm: str) -> Hasher:
        """See `IStorageDriver`."""
        return hashlib.new(algorithm, self._file(path).content)

    async def check(self) -> None:
        """See `IStorageDriver`: memory can always serve."""

    def changed(self, node: _Node) -> None:
        """Give it a new time and a new version."""
        node.modified = self._now()
        node.version = next(self._versions)

    def publish(self, source: str, target: str, file: File) -> None:
        """Move what was written to its place; raise `StorageFailure` when it was deleted in the meantime."""
        try:
            if self._node(source) is not file:
                raise PathNotFound(source)
        except PathNotFound:
            raise StorageFailure(source, "what was written has been deleted") from None
        file.content = bytes(file.content)
        self.changed(file)
        if source != target:
            self._put(target, file)
            self._remove(source)

    def discard(self, path: str, file: File) -> None:
        """Remove the file if it still stands there."""
        try:
            if self._node(path) is file:
                self._remove(path)
        except PathNotFound:
            pass

    def _opened(self, path: str) -> Callable[[], None]:
        self.open.append(path)
        return lambda: self.open.remove(path)

    def _node(self, path: str) -> _Node:
        check_path(path)
        node: _Node = self._root
        for name in path.split("/"):
            if not isinstance(node, _Folder) or name not in node.children:
                raise PathNotFound(path)
            node = node.children[name]
        return node

    def _described(self, path: str) -> FileInfo | None:
        try:
            return _describe(self._node(path))
        except PathNotFound:
            return None

    def _file(self, path: str) -> File:
        node = self._node(path)
        if not isinstance(node, File):
            raise PathNotFound(path)
        return node

    def _put(self, path: str, node: _Node) -> None:
        check_path(path)
        *above, last = path.split("/")
        folder = self._root
        for name in above:
            child = folder.children.get(name)
            if child is None:
                child = _Folder(self._now(), next(self._versions))
                self._set(folder, name, child)
            if not isinstance(child, _Folder):
                raise StorageFailure(path, "a file stands where a folder is needed")
            folder = child
        if isinstance(folder.children.get(last), _Folder):
            raise StorageFailure(path, "a folder stands there")
        self._set(folder, last, node)

    def _remove(self, path: str) -> None:
        above, _, last = path.rpartition("/")
        folder = self._node(above) if above else self._root
        assert isinstance(folder, _Folder)
        self._set(folder, last, None)

    def _set(self, folder: _Folder, name: str, node: _Node | None) -> None:
        if node is None:
            del folder.children[name]
        else:
            folder.children[name] = node
        folder.names = None
        self.changed(folder)


def _describe(node: _Node) -> FileInfo:
    size = len(node.content) if isinstance(node, File) else 0
    return FileInfo(size, node.modified, max(node.modified, node.moved), isinstance(node, _Folder), node.version)


@implementer(ILock)
class MemoryLock:
    """One name in the driver's set of locked folders."""

    def __init__(self, locked: set[str], path: str, closed: Callable[[], None]) -> None:
        self._locked = locked
        self._path = path
        self._closed: Callable[[], None] | None = closed

    def release(self) -> None:
        """See `ILock`."""
        if self._closed is not None:
            self._locked.discard(self._path)
            self._closed()
            self._closed = None
