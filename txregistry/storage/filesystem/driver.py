"""The storage driver over a folder: what runs in the reactor's thread, and what goes to a worker."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from zope.interface import implementer

from txregistry.concurrency.lane import Lane, one_by_one
from txregistry.concurrency.workers import IWorkers
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.filesystem import files
from txregistry.storage.filesystem.calls import SystemCalls
from txregistry.storage.filesystem.commit import Change, commit
from txregistry.storage.filesystem.durable import DurableTree, SourceMissing
from txregistry.storage.filesystem.failures import while_changing, while_reading, while_writing
from txregistry.storage.filesystem.hashing import hash_file, new_hasher
from txregistry.storage.filesystem.lock import FolderLock, lock_folder
from txregistry.storage.filesystem.opening import Opened, open_for_append, open_for_reading, opened_on_worker
from txregistry.storage.filesystem.probe import Traits, probe
from txregistry.storage.filesystem.reader import FileReader, PushReader
from txregistry.storage.filesystem.removing import remove_empty
from txregistry.storage.filesystem.share import QueueShare
from txregistry.storage.filesystem.upload import Disk, UploadFile
from txregistry.storage.filesystem.whole import WholeFilesystem
from txregistry.storage.filesystem.writer import FileWriter
from txregistry.storage.interfaces import Content, FileInfo, Hasher, ILock, IReader, IStorageDriver, IWriter
from txregistry.storage.paths import check_path

# A folder's own size up to which its names are listed in the reactor's thread: some hundred names.
_SMALL_FOLDER = 16_384


@implementer(IStorageDriver)
class FilesystemDriver:
    """Keeps everything below the folder `root`, which is made where it is missing.

    On a local filesystem `stat`, `open`, `flock`, short listings and reads of what is in memory run in the reactor's
    thread, because they cost less than a visit to a worker; on any other nothing does. What writes, syncs, hashes or
    waits for the disk visits a worker once.

    `now` tells seconds since the epoch. `traits` and `calls` are found out and made by default. Blocks while it is
    made; raises `StorageFailure` where there is no such folder and none can be made.
    """

    name = "filesystem"

    def __init__(
        self,
        root: str,
        workers: IWorkers,
        now: Callable[[], float] = time.time,
        traits: Traits | None = None,
        calls: SystemCalls | None = None,
    ) -> None:
        self.root = os.path.abspath(root)
        try:
            os.makedirs(self.root, exist_ok=True)
            self.traits = probe(self.root) if traits is None else traits
        except (OSError, ValueError) as error:
            raise StorageFailure(root, str(error)) from error
        self._prefix = self.root.rstrip("/") + "/"
        self._workers = workers
        self._now = now
        self._local = self.traits.local
        self._read_flags = self.traits.read_flags
        self._reader = FileReader if self._local and self.traits.sendfile else PushReader
        calls = calls or SystemCalls()
        whole = WholeFilesystem(self.root, calls, self.traits.sync_whole)
        self._tree = DurableTree(self.root, calls, self.traits.sync_folders, whole)
        self._quick: Lane[Callable[[], Any], Any] = Lane(workers, one_by_one)
        # Of what takes a moment, that which no request waits for: mostly the collector's, which has much at once.
        self._chores: Lane[Callable[[], Any], Any] = Lane(workers, one_by_one)
        self._commits: Lane[Change, None] = Lane(workers, partial(commit, self._tree))
        self._disk = Disk(self._tree, workers, self._quick, self._commits, self._local)
        self._share = QueueShare()

    async def read(self, path: str) -> Content:
        """See `IStorageDriver`."""
        check_path(path)
        now = self._now() if self._local else None
        try:
            if self._read_flags is not None:
                content = files.read_resident(self._prefix + path, now, self._read_flags)
                if content is not None:
                    return content
            return await self._workers.run(files.read, self._prefix + path, now)
        except (OSError, ValueError) as error:
            raise while_reading(error, path) from None

    async def write(self, path: str, content: bytes, durable: bool = True) -> None:
        """See `IStorageDriver`."""
        check_path(path)
        try:
            if durable:
                await self._commits.run(Change([(self._prefix + path, content)]))
            else:
                await self._workers.run(self._tree.write, self._prefix + path, content)
        except (OSError, ValueError) as error:
            raise while_writing(error, path) from error

    async def create(self, path: str, content: bytes) -> None:
        """See `IStorageDriver`."""
        check_path(path)
        try:
            await self._quick.run(partial(self._tree.put, self._prefix + path, content))
        except (OSError, ValueError) as error:
            raise while_writing(error, path) from error

    async def stat(self, path: str) -> FileInfo:
        """See `IStorageDriver`."""
        check_path(path)
        try:
            if self._local:
                now = self._now()
                return files.describe(files.look(self._prefix + path), now)
            return files.describe(await self._workers.run(files.look, self._prefix + path), None)
        except (OSError, ValueError) as error:
            raise while_reading(error, path) from None

    async def stat_each(self, folder: str, names: Sequence[str]) -> Sequence[FileInfo | None]:
        """See `IStorageDriver`."""
        if not names:
            return ()
        check_path(f"{folder}/{'/'.join(names)}")
        try:
            if self._local:
                return files.look_at_each(self._prefix + folder, names, self._now())
            return await self._workers.run(files.look_at_each, self._prefix + folder, names, None)
        except (OSError, ValueError) as error:
            raise while_reading(error, folder) from None

    async def list(self, path: str, after: str | None = None, limit: int | None = None) -> Sequence[str]:
        """See `IStorageDriver`."""
        check_path(path)
        folder = self._prefix + path
        try:
            if self._local and os.stat(folder).st_size <= _SMALL_FOLDER:
                return files.names(folder, after, limit)
            return await self._workers.run(files.names, folder, after, limit)
        except (OSError, ValueError) as error:
            raise while_reading(error, path) from None

    async def delete(self, path: str, durable: bool = True) -> None:
        """See `IStorageDriver`."""
        check_path(path)
        try:
            delete = partial(self._tree.delete, self._prefix + path, durable)
            await (self._workers if durable else self._chores).run(delete)
        except (OSError, ValueError) as error:
            raise while_changing(error, path) from error

    async def remove_empty(self, path: str) -> bool:
        """See `IStorageDriver`."""
        check_path(path)
        try:
            gone: bool = await self._chores.run(partial(remove_empty, self._tree.calls, self._prefix + path))
            return gone
        except (OSError, ValueError) as error:
            raise while_changing(error, path) from error

    async def open_reader(self, path: str, first: int = 0, last: int | None = None) -> IReader:
        """See `IStorageDriver`."""
        check_path(path)
        try:
            file = await self._opened(open_for_reading, path)
        except (OSError, ValueError) as error:
            raise while_reading(error, path) from None
        end = file.size if last is None or last >= file.size else last + 1
        length = end - first if end > first else 0
        return self._reader(path, file.descriptor, file.size, first, length, self._workers, self.traits)

    async def open_writer(self, path: str, append: bool = False, hasher: Hasher | None = None) -> IWriter:
        """See `IStorageDriver`. A new file is made by the first bytes, or else by `flush`, `publish` or `suspend`."""
        check_path(path)
        descriptor, size = None, 0
        if append:
            try:
                file = await self._opened(open_for_append, path)
            except (OSError, ValueError) as error:
                raise while_reading(error, path) from None
            descriptor, size = file.descriptor, file.size
        if hasher is None and size == 0:
            hasher = new_hasher()
        upload = UploadFile(self._prefix + path, self._disk, descriptor, size, hasher)
        return FileWriter(self._prefix, path, upload, self._share)

    async def touch(self, path: str) -> None:
        """See `IStorageDriver`."""
        check_path(path)
        try:
            await self._workers.run(self._tree.calls.touch, self._prefix + path)
        except (OSError, ValueError) as error:
            raise while_changing(error, path) from error

    async def move(self, source: str, target: str, durable: bool = True) -> None:
        """See `IStorageDriver`."""
        check_path(source)
        check_path(target)
        try:
            move = partial(self._tree.move, self._prefix + source, self._prefix + target, durable)
            await (self._workers if durable else self._chores).run(move)
        except SourceMissing:
            raise PathNotFound(source) from None
        except (OSError, ValueError) as error:
            raise while_writing(error, target) from error

    async def lock(self, path: str) -> ILock:
        """See `IStorageDriver`."""
        check_path(path)
        if not self.traits.lock_folders:
            raise StorageFailure(path, "this filesystem cannot lock")
        try:
            return FolderLock((await self._opened(lock_folder, path)).descriptor)
        except BlockingIOError:
            raise Locked(path) from None
        except (OSError, ValueError) as error:
            raise while_reading(error, path) from None

    async def hash(self, path: str, algorithm: str) -> Hasher:
        """See `IStorageDriver`."""
        check_path(path)
        try:
            return await hash_file(self._workers, self._prefix + path, algorithm)
        except (OSError, ValueError) as error:
            raise while_reading(error, path) from error

    async def check(self) -> None:
        """See `IStorageDriver`: the root must still be the same folder, and take and sync a file."""
        try:
            await self._workers.run(self._check)
        except OSError as error:
            raise while_writing(error, self.root) from error

    def _check(self) -> None:
        self._tree.check_root()
        self._tree.try_writing()

    async def _opened(self, opening: Callable[[str], Opened], path: str) -> Opened:
        if self._local:
            return opening(self._prefix + path)
        return await opened_on_worker(self._workers, opening, self._prefix + path)
