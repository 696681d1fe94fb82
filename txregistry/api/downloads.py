"""A reader of the store as the body of an answer."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from txregistry.http.sources import IBodySource, IFileBody
from txregistry.storage.interfaces import IFileBacked, IReader


@implementer(IBodySource)
class Download:
    """Bytes that the reader produces."""

    __slots__ = ("_reader", "length")

    def __init__(self, reader: IReader) -> None:
        self._reader = reader
        self.length: int = reader.length

    def start(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodySource`."""
        return self._reader.start(consumer)

    def close(self) -> None:
        """See `IBodySource`."""
        self._reader.close()


@implementer(IFileBody)
class FileDownload(Download):
    """Bytes that stand in an open file, which the kernel can send by itself."""

    __slots__ = ("_file", "first")

    def __init__(self, reader: IReader, file: IFileBacked) -> None:
        super().__init__(reader)
        self._file = file
        self.first: int = file.first

    def fileno(self) -> int:
        """See `IFileBody`."""
        return self._file.fileno()

    def resident(self, offset: int, count: int) -> bool:
        """See `IFileBody`."""
        return self._file.resident(offset, count)

    def read(self, offset: int, count: int) -> bytes | Deferred[bytes]:
        """See `IFileBody`."""
        return self._file.read(offset, count)


def download(reader: IReader) -> Download:
    """The fastest body that the reader allows."""
    file = IFileBacked(reader, None)
    return Download(reader) if file is None else FileDownload(reader, file)
