"""A folder locked with flock(2), which excludes other processes and other openers in this one alike."""

from __future__ import annotations

import fcntl
import os

from zope.interface import implementer

from txregistry.storage.filesystem.opening import Opened
from txregistry.storage.interfaces import ILock


@implementer(ILock)
class FolderLock:
    """Held while its descriptor is open, so the end of the process ends it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """See `ILock`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_folder(path: str) -> Opened:
    """Open and lock; the lock holds while the descriptor is open. Raise `BlockingIOError` where somebody has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between the two calls its last holder may have removed the folder, and somebody else may have made it anew.
        if not os.path.samestat(os.fstat(descriptor), os.stat(path)):
            raise BlockingIOError(0, "the folder was replaced", path)
    except BaseException:
        os.close(descriptor)
        raise
    return Opened(descriptor, 0)
