"""When to bring a whole filesystem to disk, rather than files and folders one by one."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress

from twisted.logger import Logger

from txregistry.storage.filesystem.calls import SystemCalls

_log = Logger()

# So many things have to wait for it: what it saves is a wait for each of them.
FEWEST = 4
# What takes longer, in seconds, waits for others' data; then it is left alone for `REST`, each time twice as long.
SLOW = 0.05
REST = 30.0
LONGEST_REST = 3600.0


class WholeFilesystem:
    """syncfs(2) on the filesystem that holds the root folder.

    One call takes about as long as one fsync and serves all that wait at the same time. It also waits for what other
    programs have written there, so it is used only while that is little. On several workers at once.
    """

    def __init__(
        self, root: str, calls: SystemCalls, is_possible: bool, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """`is_possible` says that the kernel reports what could not be written since the descriptor was opened."""
        self._root = root
        self._calls = calls
        self._timer = timer
        self._is_possible = is_possible
        self._not_before = -1.0
        self._rest = REST
        # The kernel tells each open descriptor once of what could not be written, so each thread has its own: of two
        # that sync at the same time the other would take for written what the first is told of.
        self._mine = threading.local()

    def is_worth(self, count: int) -> bool:
        """Whether so many things should wait for this together."""
        return self._is_possible and count >= FEWEST and self._timer() >= self._not_before

    def sync(self) -> bool:
        """Whether all that was written before the call is on disk. Where not, each file has to be asked about itself.

        After a failure that is so for good.
        """
        began = self._timer()
        descriptor: int | None = getattr(self._mine, "descriptor", None)
        if descriptor is None:
            # What others were told of before would not be reported to it, so it serves from the next time on.
            with suppress(OSError):  # Too many files may be open; each by itself needs no more of them.
                self._mine.descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                weakref.finalize(self, os.close, self._mine.descriptor)
            return False
        if not self._is_here(descriptor):
            return False
        try:
            self._calls.syncfs(descriptor)
        except OSError as error:
            self._is_possible = False
            _log.error("the filesystem cannot be synced as a whole", reason=error.strerror or str(error))
            return False
        took = self._timer() - began
        if took > SLOW:
            self._not_before = self._timer() + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)
        else:
            self._rest = REST
        return True

    def _is_here(self, descriptor: int) -> bool:
        """Whether no other disk has been mounted there since: what is written goes to that one."""
        try:
            return os.fstat(descriptor).st_dev == os.stat(self._root).st_dev
        except OSError:
            return False
