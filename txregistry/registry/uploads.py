"""Upload sessions: bytes that arrive over several requests, connections and processes, and become a blob."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.defer import CancelledError

from txregistry.concurrency.shield import shielded
from txregistry.oci.digest import CANONICAL_ALGORITHM, HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid, UploadBusy, UploadOutOfOrder, UploadUnknown
from txregistry.oci.names import RepositoryName, UploadId
from txregistry.registry.blobs import RepositoryBlobs
from txregistry.registry.interfaces import ByteSource
from txregistry.registry.progress import Note, Progress
from txregistry.registry.takeover import Hold, Holds
from txregistry.storage import layout
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.interfaces import IWriter
from txregistry.storage.stores import Stores


class Uploads:
    """All state stands in the store: a session begun in one process goes on in any other, and after a restart.

    Whenever a request ends early, what came is kept, and `offset` tells how much that is.
    """

    def __init__(self, stores: Stores, blobs: RepositoryBlobs, holds: Holds, progress: Progress) -> None:
        self._stores = stores
        self._blobs = blobs
        self._holds = holds
        self._progress = progress

    async def start(
        self, name: RepositoryName, algorithm: str = CANONICAL_ALGORITHM, upload: UploadId | None = None
    ) -> UploadId:
        """Begin a session. `algorithm` is the one that the blob will be addressed by; any other works too, slower.

        `upload` is a fresh id, for whoever wants one of their own making. Raise `DigestInvalid` for an unknown
        algorithm.
        """
        if algorithm not in HEX_LENGTHS:
            raise DigestInvalid(algorithm, f"unsupported algorithm; supported are {', '.join(HEX_LENGTHS)}")
        upload = upload or UploadId.new()
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode("ascii")
        await self._stores.driver.create(layout.upload_started(name, upload), started)
        await self._progress.begin(name, upload, algorithm)
        return upload

    async def offset(self, name: RepositoryName, upload: UploadId) -> int:
        """How many bytes are there; raise `UploadUnknown`."""
        size = await self._size(name, upload)
        if size is not None:
            return size
        try:
            await self._stores.driver.stat(layout.upload_started(name, upload))
        except PathNotFound:
            raise UploadUnknown(upload) from None
        return 0

    async def append(self, name: RepositoryName, upload: UploadId, source: ByteSource, first: int | None) -> int:
        """Add bytes as they come; return the offset behind them.

        `first` is where the client says they belong. Raise `UploadUnknown`, `UploadOutOfOrder`, `UploadBusy`.
        """
        hold = await self._hold(name, upload)
        try:
            writer, _ = await self._open(name, upload, hold, first)
        except BaseException:
            self._holds.release(hold)
            raise
        try:
            await self._receive(source, writer, hold)
        finally:
            await shielded(self._suspend(name, upload, writer, hold))
        offset: int = writer.offset
        return offset

    async def finish(
        self, name: RepositoryName, upload: UploadId, source: ByteSource, first: int | None, digest: Digest
    ) -> None:
        """Add the last bytes, if any, and make the whole a blob of the repository; durable.

        Raise as `append`, and `DigestInvalid` where the bytes are not what the digest says; the session lives on.
        """
        hold = await self._hold(name, upload)
        try:
            writer, note = await self._open(name, upload, hold, first)
        except BaseException:
            self._holds.release(hold)
            raise
        try:
            if source.length != 0:
                await self._receive(source, writer, hold)
                note = None
        except BaseException:
            await shielded(self._suspend(name, upload, writer, hold))
            raise
        await shielded(self._commit(name, upload, writer, hold, note, digest))

    async def cancel(self, name: RepositoryName, upload: UploadId) -> None:
        """End the session and drop its bytes; raise `UploadUnknown`, `UploadBusy`."""
        hold = await self._hold(name, upload)
        try:
            await self._stores.driver.delete(layout.upload(name, upload), durable=False)
        except PathNotFound:
            raise UploadUnknown(upload) from None
        finally:
            self._progress.forget(upload)
            self._holds.release(hold)

    async def _size(self, name: RepositoryName, upload: UploadId) -> int | None:
        try:
            return (await self._stores.driver.stat(layout.upload_data(name, upload))).size
        except PathNotFound:
            return None

    async def _hold(self, name: RepositoryName, upload: UploadId) -> Hold:
        try:
            return await self._holds.acquire(name, upload)
        except Locked:
            raise UploadBusy(await self.offset(name, upload)) from None

    async def _open(
        self, name: RepositoryName, upload: UploadId, hold: Hold, first: int | None
    ) -> tuple[IWriter, Note | None]:
        size = await self._size(name, upload)
        offset = size or 0
        if first is not None and first != offset:
            raise UploadOutOfOrder(offset)
        hasher, note = await self._progress.known(name, upload, offset)
        hold.writer = await self._stores.driver.open_writer(layout.upload_data(name, upload), size is not None, hasher)
        return hold.writer, note

    async def _receive(self, source: ByteSource, writer: IWriter, hold: Hold) -> None:
        hold.streaming = source.stream_to(writer)
        try:
            await hold.streaming
        except CancelledError:
            if hold.taken:
                raise UploadBusy(writer.offset) from None
            raise
        except Exception:
            await writer.flush()  # Where the store failed, that is the cause to tell.
            raise
        finally:
            hold.streaming = None
        await writer.flush()

    async def _suspend(self, name: RepositoryName, upload: UploadId, writer: IWriter, hold: Hold) -> None:
        try:
            await writer.suspend()
            if writer.hasher is not None:
                await self._progress.keep(name, upload, writer.offset, writer.hasher)
        except StorageFailure:
            return  # Whoever streams is told already; what is on disk is what `offset` tells.
        finally:
            self._holds.release(hold)

    async def _commit(
        self, name: RepositoryName, upload: UploadId, writer: IWriter, hold: Hold, note: Note | None, digest: Digest
    ) -> None:
        try:
            computed = await self._digest(name, upload, writer, note, digest.algorithm)
        except BaseException:
            await self._suspend(name, upload, writer, hold)
            raise
        if computed != digest:
            await self._suspend(name, upload, writer, hold)
            raise DigestInvalid(str(digest), f"the uploaded content's digest is {computed}")
        try:
            await self._blobs.publish(name, digest, writer, layout.upload(name, upload))
        finally:
            self._progress.forget(upload)
            self._holds.release(hold)

    async def _digest(
        self, name: RepositoryName, upload: UploadId, writer: IWriter, note: Note | None, algorithm: str
    ) -> Digest:
        if writer.hasher is not None and writer.hasher.name == algorithm:
            return Digest(algorithm, writer.hasher.hexdigest())
        if note is not None and note.offset == writer.offset and note.algorithm == algorithm:
            return Digest(algorithm, note.hex)
        hasher = await self._stores.driver.hash(layout.upload_data(name, upload), algorithm)
        return Digest(algorithm, hasher.hexdigest())
