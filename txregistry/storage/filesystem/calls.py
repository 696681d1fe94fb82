"""The system calls that change the tree, in one place so that a test can record them or make any of them fail."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

_libc = ctypes.CDLL(None, use_errno=True)


class SystemCalls:
    """Each method is the call of that name; a test overrides some. Used on workers only."""

    def open(self, path: str, flags: int) -> int:
        """Open or create a file; a created one gets mode 0666 less the umask."""
        return os.open(path, flags, 0o666)

    def pwritev(self, descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
        """Write at an offset; return how many bytes were taken, which may be fewer than given."""
        return os.pwritev(descriptor, pieces, offset)

    def size(self, descriptor: int) -> int:
        """Of an open file."""
        return os.fstat(descriptor).st_size

    def begin_writing(self, descriptor: int) -> None:
        """Have the kernel bring a file's bytes to disk in the background.

        That is what Linux does first when it is told that they are not needed in memory; those on their way stay.
        """
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def fdatasync(self, descriptor: int) -> None:
        """Bring a file's bytes and its size to disk."""
        os.fdatasync(descriptor)

    def fsync(self, descriptor: int) -> None:
        """Bring a folder's entries to disk."""
        os.fsync(descriptor)

    def syncfs(self, descriptor: int) -> None:
        """Bring to disk all that has been written to the filesystem of this file."""
        if _libc.syncfs(descriptor):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def close(self, descriptor: int) -> None:
        """Let go of a descriptor."""
        os.close(descriptor)

    def mkdir(self, path: str) -> None:
        """Make a folder with mode 0777 less the umask."""
        os.mkdir(path, 0o777)

    def rename(self, source: str, target: str) -> None:
        """Give a file another name, replacing a file that has it."""
        os.rename(source, target)

    def unlink(self, path: str) -> None:
        """Remove a name of a file."""
        os.unlink(path)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path)

    def touch(self, path: str | int) -> None:
        """Set the time of modification to now."""
        os.utime(path)
