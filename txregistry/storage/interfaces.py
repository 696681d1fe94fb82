"""What a storage driver has to offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from zope.interface import Attribute, Interface

__all__ = ["Content", "FileInfo", "Hasher", "IFileBacked", "ILock", "IReader", "IStorageDriver", "IWriter"]


class Hasher(Protocol):
    """What hashlib gives."""

    @property
    def name(self) -> str:
        """The algorithm."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """The digest of the bytes taken so far, in lower-case hexadecimal."""


class FileInfo(NamedTuple):
    """What is known of a path: a tuple, because that is made in half the time, and there is one for each look.

    Times are in seconds since the epoch. `modified` is that of the content or of the last `touch`; `changed` also
    counts what happened to the file itself, such as a move, and nobody can set it. `version` is an opaque value that
    differs when the content (of a folder: the set of its children) does; it is None where it cannot be trusted yet or
    at all, so that nothing may be cached.
    """

    size: int
    modified: float
    changed: float
    is_folder: bool
    version: object | None


@frozen
class Content:
    """A small file whole, with what was known of it when its last byte had been read."""

    data: bytes
    info: FileInfo


class IReader(Interface):
    """A push producer of a byte range of one file, which stays readable although the file is deleted or replaced."""

    length = Attribute("Bytes that will be written.")
    total = Attribute("Bytes in the whole file.")

    def start(consumer: IConsumer) -> Deferred[None]:
        """Register with the consumer as a push producer and write.

        Fires when all bytes are written and the producer is unregistered. Fails with `StorageFailure` when they cannot
        be read, with `CancelledError` when the consumer stopped it, it was closed, or the result was cancelled. Called
        at most once; holds at most 1 MiB.
        """

    def close() -> None:
        """Let go of the file. Any number of calls."""


class IFileBacked(Interface):
    """A reader whose bytes stand in an open regular file."""

    first = Attribute("Offset in the file of the range's first byte.")

    def fileno() -> int:
        """The open descriptor, valid until `close`."""

    def resident(offset: int, count: int) -> bool:
        """Whether these bytes of the file are in memory, as far as can be told from a few of them."""

    def read(offset: int, count: int) -> bytes | Deferred[bytes]:
        """Some bytes of the file from there, at most so many, none only at its end; later where the disk is needed."""


class ILock(Interface):
    """A lock that is held until it is released or the process ends."""

    def release() -> None:
        """Let go. Any number of calls."""


class IWriter(IConsumer):
    """Takes bytes into one file that nobody else writes at the same time.

    As an IConsumer it pauses its producer while too much is queued and resumes it later; `write` never blocks. Bytes
    are hashed and written on workers, in batches, in order. After the first write error everything that waits fails
    with it, the producer is stopped, and what is written is dropped, as it is after the end; `offset` does not count
    it.

    Only push producers are taken. Publishing, suspending and abandoning run to their end although whoever waits for
    them is cancelled.
    """

    offset = Attribute("Bytes in the file once everything taken so far is written, those before this writer included.")
    hasher = Attribute("The `Hasher` of all bytes from the file's first on, or None; current after `flush`.")

    async def flush() -> int:
        """Wait until everything taken is in the file (in the page cache, not necessarily on disk); return `offset`.

        Raise the first write error."""

    async def publish(target: str, links: Sequence[tuple[str, bytes]] = (), leftover: str | None = None) -> None:
        """Make what was written visible at `target`, at once and whole, and durable with every folder above it.

        Then write the small files `links`, in order and as durably, and remove the folder `leftover` with all that is
        in it: in one go, because for a small upload each step costs as much as its bytes.

        An existing file there is replaced. The writer is closed, and its own path is gone. When it fails it is closed
        too, as by `suspend`; only after `InvalidPath` it goes on."""

    async def suspend() -> None:
        """Write what was taken, close, and leave the file for a later `open_writer(…, append=True)`.

        Does not fail: `offset` then tells how many bytes are really there, and `hasher` is None unless it stands behind
        the last of them. A file whose bytes cannot be trusted, because syncing it failed, is removed: `offset` is 0.
        Any number of calls."""

    async def abandon() -> None:
        """Close and remove the file. Any number of calls; nothing happens after `publish`."""


class IStorageDriver(Interface):
    """Named byte sequences under '/'-separated relative paths.

    Paths come from `txregistry.storage.layout` alone and hold no NUL, no empty segment, and none that begins with a
    dot; a driver refuses others with `InvalidPath`. Every method may raise `StorageFailure` (out of space, I/O error),
    which says nothing was lost that had been acknowledged.
    """

    name = Attribute("What the configuration calls this driver.")

    async def read(path: str) -> Content:
        """Small content whole. Raise `PathNotFound`, also for a folder."""

    async def write(path: str, content: bytes, durable: bool = True) -> None:
        """Atomic: a reader sees the old or the new content, never part. Folders above are made.

        With `durable` it survives a power cut, folders included, once this returns."""

    async def create(path: str, content: bytes) -> None:
        """Make a small file that nobody reads before this returns; not durable. Folders above are made.

        Cheaper than `write`, because a reader may see part of it; what was there before is replaced."""

    async def stat(path: str) -> FileInfo:
        """Of a file or folder. Raise `PathNotFound`."""

    async def stat_each(folder: str, names: Sequence[str]) -> Sequence[FileInfo | None]:
        """`stat` of each `<folder>/<name>`, in this order, None where there is nothing: for many, but not very many.

        A name may go down several levels. Costs one visit to whatever waits, and may keep others waiting for some
        microseconds a name."""

    async def list(path: str, after: str | None = None, limit: int | None = None) -> Sequence[str]:
        """Names of the direct children, sorted by code point, those behind `after`, at most `limit`.

        Raise `PathNotFound` where there is no such folder. Unfinished writes are not listed."""

    async def delete(path: str, durable: bool = True) -> None:
        """Remove the path and all below it. Raise `PathNotFound`.

        With `durable` it stays removed after a power cut, once this returns."""

    async def remove_empty(path: str) -> bool:
        """Remove a folder if nothing is in it; tell whether it is gone."""

    async def open_reader(path: str, first: int = 0, last: int | None = None) -> IReader:
        """A reader of the bytes from `first` to `last`, both included, the latter cut at the end of the file.

        Raise `PathNotFound`. It may also provide `IFileBacked`."""

    async def open_writer(path: str, append: bool = False, hasher: Hasher | None = None) -> IWriter:
        """A writer of a new file, or at the end of an existing one; raise `PathNotFound` when there is none.

        A new file may come into being with its first bytes, and does at the latest when `flush`, `publish` or `suspend`
        returns. `hasher` stands at the end of the present content and is fed with what is written; without one, an
        empty file gets a new sha256 hasher."""

    async def touch(path: str) -> None:
        """Set the time of modification to now, which is what the collector looks at. Raise `PathNotFound`."""

    async def move(source: str, target: str, durable: bool = True) -> None:
        """At once, a file or a folder; folders above the target are made, a file there is replaced.

        Raise `PathNotFound`.

        With `durable` it survives a power cut once this returns; without, the file is in one of the two places."""

    async def lock(path: str) -> ILock:
        """Lock an existing folder exclusively among all processes on this store.

        Raise `Locked` at once when somebody holds it, `PathNotFound` when there is no such folder."""

    async def hash(path: str, algorithm: str) -> Hasher:
        """Read the whole file and return its hasher, on a worker. Raise `PathNotFound`."""

    async def check() -> None:
        """Raise `StorageFailure` if storage cannot serve now."""
