"""Changes of the tree that survive a power cut once they are reported done.

The recipe: sync the file, make the missing folders above the target, rename, sync the target's folder, then sync each
folder above it whose entry for the one below may not be on disk yet. A folder that exists proves nothing: it may have
been made a moment ago by somebody who has not synced it, or by an upload that never does. So this process trusts only
folders that it has seen to the disk itself, and syncs all others once.

Everything here blocks and belongs on workers.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeVar

from txregistry.storage.filesystem.calls import SystemCalls

T = TypeVar("T")

# Hidden from listings by its dot; Distribution's walks pass over files that they do not know.
_TEMPORARY = ".{}.tmp"
_TEMPORARY_NAME = re.compile(r"\.[0-9a-f]{32}\.tmp")
# An unfinished write that is older than this belongs to a process that died.
_LEFT_BEHIND = 3600.0

# How often a step is tried again because somebody else removed the folder, or filled it, at the same moment.
_ATTEMPTS = 100

# Paths remembered as safely on disk, at about 200 bytes each.
_MOST_SETTLED = 16_384

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

# Linux takes at most this many pieces in one call.
_MOST_PIECES = 1024


class SourceMissing(Exception):
    """What was to be moved is not there."""


class SyncFailed(OSError):
    """A file's bytes may not be on disk, whatever is read from it now: the kernel calls the pages clean or drops them.

    Neither the descriptor nor the file may be used any more.
    """


class DurableTree:
    """All paths are absolute and below `root`, which must exist; what the operating system raises is passed on."""

    def __init__(self, root: str, calls: SystemCalls, sync_folders: bool = True) -> None:
        self.root = root
        self.calls = calls
        self._sync_folders = sync_folders
        self._settled: set[str] = set()
        # Names of temporary files: drawn once, then counted.
        self._drawn = os.urandom(8).hex()
        self._numbers = count()

    def write(self, path: str, content: bytes, durable: bool) -> None:
        """Put small content at `path`: a reader sees the old or the new, never part."""
        folder = os.path.dirname(path)
        for attempt in range(_ATTEMPTS):
            try:
                self._replace(folder, path, content, durable)
                if durable:
                    self.settle(folder)
                return
            except FileNotFoundError:
                # Somebody deletes the folder at this moment. Written again, the content is what comes after that.
                if attempt == _ATTEMPTS - 1 or not os.path.lexists(self.root):
                    raise

    def put(self, path: str, content: bytes) -> None:
        """Put small content at `path`, in place and not synced."""
        descriptor = self.create(path)
        try:
            self.write_at(descriptor, [content], 0)
        finally:
            self.calls.close(descriptor)

    def create(self, path: str, flags: int = os.O_TRUNC) -> int:
        """Open a new file for writing, making the folders above it."""
        return self._within(os.path.dirname(path), lambda: self.calls.open(path, _CREATE | flags))

    def write_at(self, descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> None:
        """Write all pieces one behind the other from `offset` on."""
        left = list(pieces)
        while left:
            written = self.calls.pwritev(descriptor, left[:_MOST_PIECES], offset)
            if written == 0:
                raise OSError(errno.EIO, "nothing was written")
            offset += written
            done = 0
            while done < len(left) and written >= len(left[done]):
                written -= len(left[done])
                done += 1
            del left[:done]
            if written:
                left[0] = memoryview(left[0])[written:]

    def sync(self, descriptor: int) -> None:
        """Bring an open file to disk. Raise `SyncFailed`."""
        try:
            self.calls.fdatasync(descriptor)
        except OSError as error:
            raise SyncFailed(error.errno, error.strerror) from error

    def publish(self, descriptor: int, size: int, source: str, target: str) -> None:
        """Sync the open file `source` and move it to `target`; it must have exactly `size` bytes.

        The descriptor stays open. Raise `SyncFailed`, with nothing moved.
        """
        if self.calls.size(descriptor) != size:
            raise OSError(errno.EIO, "somebody else has written to the file")
        # The collector counts from here, not from the last byte of an upload that was finished a day later.
        self.calls.touch(descriptor)
        self.sync(descriptor)
        self._rename_into(source, target)
        self.settle(os.path.dirname(target))

    def move(self, source: str, target: str, durable: bool = True) -> None:
        """Rename, durably in both folders where that is asked for."""
        self._rename_into(source, target)
        if durable:
            self.settle(os.path.dirname(target))
            with contextlib.suppress(FileNotFoundError):  # Somebody has removed what was its last folder.
                self._sync(os.path.dirname(source))

    def delete(self, path: str, durable: bool) -> None:
        """Remove a file, or a folder and all below it.

        Children go first, so after a crash what is left still stands under its path and can be deleted again.
        """
        try:
            self.calls.unlink(path)
        except IsADirectoryError:
            self._delete_folder(path)
        while durable:
            path = os.path.dirname(path)
            try:
                self._sync(path)
                return
            except FileNotFoundError:
                if path == self.root:
                    raise  # Otherwise somebody removed that folder too.

    def remove_empty(self, path: str) -> bool:
        """Remove a folder unless something is in it; tell whether it is gone.

        What a process that died left unfinished does not count.
        """
        try:
            self.calls.rmdir(path)
        except FileNotFoundError:
            return True
        except NotADirectoryError:
            return False
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return self._only_leftovers(path) and self.remove_empty(path)
        return True

    def try_writing(self) -> None:
        """Make a file in the root folder, sync it and remove it; raise what stands against that."""
        path = f"{self.root}/{self._temporary()}"
        descriptor = self.calls.open(path, _CREATE | os.O_EXCL)
        try:
            self.write_at(descriptor, [b"x"], 0)
            self.sync(descriptor)
        finally:
            self.calls.close(descriptor)
            self.calls.unlink(path)

    def settle(self, folder: str) -> None:
        """See to the disk the entries of this folder, and the entry of each folder above it where that is not known."""
        if not self._sync_folders:
            return
        unsettled: list[str] = []
        while True:
            try:
                self._sync(folder)
            except FileNotFoundError:
                if folder == self.root:
                    raise
                unsettled.clear()  # Deleted since, with what was put there: the deletion is what is to be durable.
            if folder == self.root or folder in self._settled:
                break
            unsettled.append(folder)
            folder = os.path.dirname(folder)
        if len(self._settled) > _MOST_SETTLED:
            self._settled.clear()
        self._settled.update(unsettled)

    def _replace(self, folder: str, path: str, content: bytes, durable: bool) -> None:
        temporary = f"{folder}/{self._temporary()}"
        descriptor = self.create(temporary, os.O_EXCL)
        try:
            try:
                if content:
                    self.write_at(descriptor, [content], 0)
                if durable:
                    self.sync(descriptor)
            finally:
                self.calls.close(descriptor)
            self.calls.rename(temporary, path)
        except BaseException:
            # What stays is hidden, and the failure that led here is the one to tell.
            with contextlib.suppress(OSError):
                self.calls.unlink(temporary)
            raise

    def _temporary(self) -> str:
        return _TEMPORARY.format(f"{self._drawn}{next(self._numbers):016x}")

    def _within(self, folder: str, step: Callable[[], T]) -> T:
        """Take a step that needs the folder; make it where it is missing, also when it vanishes in between."""
        if folder not in self._settled and folder != self.root:
            # Most often it is new: blobs, links and uploads have a folder each.
            self._make(folder)
        for _ in range(_ATTEMPTS):
            try:
                return step()
            except FileNotFoundError:
                self._make(folder)
        return step()

    def _make(self, folder: str) -> None:
        if folder == self.root:
            # Never made here: where the disk is not mounted any more, its mount point must stay empty.
            raise OSError(errno.ENOENT, "the root folder is gone", folder)
        try:
            self._mkdir(folder)
        except FileNotFoundError:
            above = os.path.dirname(folder)
            self._make(above)
            with contextlib.suppress(FileNotFoundError):  # Removed again at once: the step is tried again, and fails.
                # Another process may have known this folder before it was removed, and takes its entry for settled.
                self._sync(os.path.dirname(above))
                self._mkdir(folder)

    def _mkdir(self, folder: str) -> None:
        try:
            self.calls.mkdir(folder)
        except FileExistsError:
            return
        self._settled.discard(folder)

    def _rename_into(self, source: str, target: str) -> None:
        def rename() -> None:
            try:
                self.calls.rename(source, target)
            except OSError:
                if not os.path.lexists(source):
                    raise SourceMissing(source) from None
                raise

        self._within(os.path.dirname(target), rename)

    def _sync(self, folder: str) -> None:
        if not self._sync_folders:
            return
        descriptor = self.calls.open(folder, _FOLDER)
        try:
            self.calls.fsync(descriptor)
        finally:
            self.calls.close(descriptor)

    def _delete_folder(self, path: str) -> None:
        for attempt in range(_ATTEMPTS):
            with os.scandir(path) as entries:
                children = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
            for child, is_folder in children:
                try:
                    if is_folder:
                        self._delete_folder(child)
                    else:
                        self.calls.unlink(child)
                except FileNotFoundError:
                    pass  # Somebody else deletes the same.
            try:
                self.calls.rmdir(path)
                return
            except OSError as error:
                # Somebody wrote into it in the meantime.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _ATTEMPTS - 1:
                    raise

    def _only_leftovers(self, folder: str) -> bool:
        leftovers = []
        with os.scandir(folder) as entries:
            for entry in entries:
                old = entry.stat(follow_symlinks=False).st_mtime < time.time() - _LEFT_BEHIND
                if not old or _TEMPORARY_NAME.fullmatch(entry.name) is None:
                    return False
                leftovers.append(entry.path)
        for leftover in leftovers:
            self.calls.unlink(leftover)
        return True
