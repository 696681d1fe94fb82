"""Open files so that no descriptor is lost, also when nobody waits for it any more."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txregistry.concurrency.workers import IWorkers
from txregistry.storage.filesystem.files import READ_FLAGS

_APPEND_FLAGS = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@frozen
class Opened:
    """A descriptor of a file that had `size` bytes when it was opened."""

    descriptor: int
    size: int


def open_for_reading(path: str) -> Opened:
    """Open a regular file; raise what the operating system raises."""
    return _opened(path, READ_FLAGS)


def open_for_append(path: str) -> Opened:
    """Open an existing regular file for writing."""
    return _opened(path, _APPEND_FLAGS)


def opened_on_worker(workers: IWorkers, opening: Callable[[str], Opened], path: str) -> Deferred[Opened]:
    """Open on a worker. Cancelling the result closes the file once it is open."""
    waiting: Deferred[Opened] = Deferred()

    def arrived(file: Opened) -> None:
        if waiting.called:
            os.close(file.descriptor)
        else:
            waiting.callback(file)

    def failed(failure: Failure) -> None:
        if not waiting.called:
            waiting.errback(failure)

    workers.run(opening, path).addCallbacks(arrived, failed)
    return waiting


def _opened(path: str, flags: int) -> Opened:
    descriptor = os.open(path, flags)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise IsADirectoryError(errno.EISDIR, "not a file", path)
    return Opened(descriptor, status.st_size)
