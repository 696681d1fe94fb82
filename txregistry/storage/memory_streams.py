"""Readers and writers of the memory driver's files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from zope.interface import implementer

from txregistry.storage.errors import PathNotFound
from txregistry.storage.interfaces import Hasher, IReader, IWriter
from txregistry.storage.paths import check_path

# Bytes a reader writes at once.
PIECE = 262_144


@define(eq=False)
class File:
    """Its content, which is a bytearray while it is written to."""

    content: bytes | bytearray
    modified: float
    version: int
    moved: float = 0.0


class Tree(Protocol):
    """Where a written file stands and goes: the driver."""

    def changed(self, node: File, /) -> None:
        """The file's content has changed."""

    def publish(self, source: str, target: str, file: File) -> None:
        """Move it to its place."""

    def discard(self, path: str, file: File) -> None:
        """Remove it."""

    async def write(self, path: str, content: bytes) -> None:
        """Put a small file."""

    async def delete(self, path: str) -> None:
        """Remove a folder; raise `PathNotFound`."""


@implementer(IReader, IPushProducer)
class MemoryReader:
    """Pushes slices of bytes that nobody changes any more."""

    def __init__(self, content: bytes, first: int, length: int, closed: Callable[[], None]) -> None:
        self.length = length
        self.total = len(content)
        self._content = content
        self._position = first
        self._end = first + length
        self._paused = False
        self._pushing = False
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None
        self._closed: Callable[[], None] | None = closed

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """See `IReader`."""
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        self._consumer = consumer
        consumer.registerProducer(self, True)
        self.resumeProducing()
        return done

    def close(self) -> None:
        """See `IReader`."""
        self.stopProducing()
        if self._closed is not None:
            self._closed()
            self._closed = None

    def pauseProducing(self) -> None:
        """Write no more until resumed."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write on."""
        self._paused = False
        if self._pushing:
            return  # Called from within `write`: the loop below us goes on.
        self._pushing = True
        try:
            while self._consumer is not None and not self._paused:
                if self._position == self._end:
                    self._finish(None)
                    return
                begin, self._position = self._position, min(self._position + PIECE, self._end)
                self._consumer.write(self._content[begin : self._position])
        finally:
            self._pushing = False

    def stopProducing(self) -> None:
        """Write nothing more: `start` fails with `CancelledError`."""
        self._finish(CancelledError())

    def _finish(self, error: Exception | None) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None and self._done is not None:
            consumer.unregisterProducer()
            if error is None:
                self._done.callback(None)
            else:
                self._done.errback(error)


@implementer(IWriter)
class MemoryWriter:
    """Takes every byte at once, so it never pauses its producer."""

    def __init__(self, driver: Tree, path: str, file: File, hasher: Hasher | None, closed: Callable[[], None]) -> None:
        self.offset = len(file.content)
        self.hasher = hasher
        self._driver = driver
        self._path = path
        self._file = file
        self._closed: Callable[[], None] | None = closed
        self._producer: IProducer | None = None

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take a push producer; stop it at once after the end."""
        if not streaming:
            raise ValueError("not a push producer")
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        if self._closed is None:
            producer.stopProducing()
        else:
            self._producer = producer

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """Append; dropped after the end."""
        if self._closed is not None and isinstance(self._file.content, bytearray):
            self._file.content += data
            self._driver.changed(self._file)
            self.offset += len(data)
            if self.hasher is not None:
                self.hasher.update(data)

    async def flush(self) -> int:
        """See `IWriter`."""
        return self.offset

    async def publish(self, target: str, links: Sequence[tuple[str, bytes]] = (), leftover: str | None = None) -> None:
        """See `IWriter`."""
        if self._closed is None:
            raise RuntimeError("published after its end")
        check_path(target)
        try:
            self._driver.publish(self._path, target, self._file)
        finally:
            self._end()
        for path, content in links:
            await self._driver.write(path, content)
        if leftover is not None:
            with suppress(PathNotFound):
                await self._driver.delete(leftover)

    async def suspend(self) -> None:
        """See `IWriter`."""
        self._end()

    async def abandon(self) -> None:
        """See `IWriter`."""
        if self._closed is not None:
            self._end()
            self._driver.discard(self._path, self._file)

    def _end(self) -> None:
        if self._closed is not None:
            self._closed()
            self._closed = None
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
