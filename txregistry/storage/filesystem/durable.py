"""Changes of the tree that survive a power cut once they are reported done.

The recipe: sync the file, make the missing folders above the target, rename, then settle the target's folder.

Everything here blocks and belongs on workers.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeVar

from attrs import frozen

from txregistry.storage.filesystem.calls import SystemCalls
from txregistry.storage.filesystem.removing import delete, keep_only
from txregistry.storage.filesystem.settling import Settling
from txregistry.storage.filesystem.whole import WholeFilesystem

T = TypeVar("T")

# Hidden from listings by its dot; Distribution's walks pass over files that they do not know.
_TEMPORARY = ".{}.tmp"

# How often a step is tried again because somebody else removed the folder, or filled it, at the same moment.
_ATTEMPTS = 100

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

# Linux takes at most this many pieces in one call.
_MOST_PIECES = 1024


class SourceMissing(Exception):
    """What was to be moved is not there."""


class SyncFailed(OSError):
    """A file's bytes may not be on disk, whatever is read from it now: the kernel calls the pages clean or drops them.

    Neither the descriptor nor the file may be used any more.
    """


@frozen
class Prepared:
    """Content that is written and open, and has not got its name yet."""

    descriptor: int
    temporary: str
    path: str


class DurableTree:
    """All paths are absolute and below `root`, which must exist; what the operating system raises is passed on."""

    def __init__(
        self, root: str, calls: SystemCalls, sync_folders: bool = True, whole: WholeFilesystem | None = None
    ) -> None:
        self.root = root
        self._identity = os.stat(root)
        self.calls = calls
        self.folders = Settling(root, calls, sync_folders)
        self.whole = whole or WholeFilesystem(root, calls, is_possible=False)
        # Names of temporary files: drawn once, then counted.
        self._drawn = os.urandom(8).hex()
        self._numbers = count()

    def write(self, path: str, content: bytes) -> None:
        """Put small content at `path`, not synced: a reader sees the old or the new, never part."""
        for attempt in range(_ATTEMPTS):
            try:
                self.publish(self.prepare(path, content))
                return
            except FileNotFoundError:
                if not self.may_try_again(attempt):
                    raise

    def may_try_again(self, attempt: int) -> bool:
        """Where a folder vanished as something was put there: somebody deletes it, and what is put there again is what
        comes after that."""
        return attempt < _ATTEMPTS - 1 and os.path.lexists(self.root)

    def prepare(self, path: str, content: bytes, over: str | None = None) -> Prepared:
        """Write small content beside `path`, under a hidden name.

        `over` is a file that was set aside for this, and is used up.
        """
        temporary = over or f"{os.path.dirname(path)}/{self._temporary()}"
        prepared = Prepared(self.create(temporary, os.O_TRUNC if over else os.O_EXCL), temporary, path)
        try:
            if content:
                self.write_at(prepared.descriptor, [content], 0)
        except BaseException:
            self.drop(prepared)
            raise
        return prepared

    def publish(self, prepared: Prepared) -> None:
        """Give it its name, which is on disk once the folder is settled."""
        try:
            self.calls.rename(prepared.temporary, prepared.path)
        except BaseException:
            self.drop(prepared)
            raise
        self.calls.close(prepared.descriptor)

    def drop(self, prepared: Prepared) -> None:
        """It gets no name."""
        with contextlib.suppress(OSError):
            self.calls.close(prepared.descriptor)
        self.discard(prepared.temporary)

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

    def move(self, source: str, target: str, durable: bool = True) -> None:
        """Rename, durably in both folders where that is asked for."""
        self._rename_into(source, target)
        if durable:
            self.folders.settle(os.path.dirname(target))
            with contextlib.suppress(FileNotFoundError):  # Somebody has removed what was its last folder.
                self.folders.sync(os.path.dirname(source))

    def set_aside_from(self, folder: str, but: str, target: str) -> str | None:
        """Move a file of a folder whose content nobody needs, `but` excepted, into `target` for `write` to write over.

        Tell where it is, under a hidden name; None where there was none.
        """
        with os.scandir(folder) as entries:
            # A hidden one is being written by somebody.
            found = (one.path for one in entries if one.name[0] != "." and one.is_file(follow_symlinks=False))
            spare = next((path for path in found if path != but), None)
        if spare is None:
            return None
        aside = f"{target}/{self._temporary()}"
        try:
            self._rename_into(spare, aside)
        except SourceMissing:
            return None  # It was somebody's wish to have the upload, who has taken it back.
        return aside

    def discard(self, temporary: str) -> None:
        """Remove an unfinished file. What stays is hidden, and a failure that led here is the one to tell."""
        with contextlib.suppress(OSError):
            self.calls.unlink(temporary)

    def move_with_folder(self, source: str, target: str) -> bool:
        """Move the file's folder, emptied of everything else, to be the target's folder.

        False, with nothing moved, where there is one already or the file's name is another. The folder that the moved
        one stood in is not settled.
        """
        before, after = os.path.dirname(source), os.path.dirname(target)
        if os.path.basename(source) != os.path.basename(target):
            return False
        keep_only(self.calls, before, source)
        try:
            self._within(os.path.dirname(after), lambda: self.calls.rename(before, after))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return False  # Somebody was faster.
        self.folders.forget(after)
        # What somebody else has put into it in between, before its way there was gone.
        keep_only(self.calls, after, target)
        return True

    def delete(self, path: str, durable: bool) -> None:
        """Remove a file, or a folder and all below it; see `removing.delete`."""
        delete(self.calls, path)
        while durable:
            path = os.path.dirname(path)
            try:
                self.folders.sync(path)
                return
            except FileNotFoundError:
                if path == self.root:
                    raise  # Otherwise somebody removed that folder too.

    def check_root(self) -> None:
        """Raise where the root folder is another one than at the start: its disk may be mounted no more."""
        if not os.path.samestat(os.stat(self.root), self._identity):
            raise OSError(errno.ESTALE, "another folder stands there than at the start", self.root)

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

    def _temporary(self) -> str:
        return _TEMPORARY.format(f"{self._drawn}{next(self._numbers):016x}")

    def _within(self, folder: str, step: Callable[[], T]) -> T:
        """Take a step that needs the folder; make it where it is missing, also when it vanishes in between."""
        if not self.folders.is_settled(folder):
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
        above = os.path.dirname(folder)
        if above == self.root:
            # Nor where the root is the mount point itself: what was written there would be lost when the disk is back.
            self.check_root()
        try:
            self._mkdir(folder)
        except FileNotFoundError:
            self._make(above)
            with contextlib.suppress(FileNotFoundError):  # Removed again at once: the step is tried again, and fails.
                # Another process may have known this folder before it was removed, and takes its entry for settled.
                self.folders.sync(os.path.dirname(above))
                self._mkdir(folder)

    def _mkdir(self, folder: str) -> None:
        try:
            self.calls.mkdir(folder)
        except FileExistsError:
            return
        self.folders.forget(folder)

    def _rename_into(self, source: str, target: str) -> None:
        def rename() -> None:
            try:
                self.calls.rename(source, target)
            except OSError:
                if not os.path.lexists(source):
                    raise SourceMissing(source) from None
                raise

        self._within(os.path.dirname(target), rename)
