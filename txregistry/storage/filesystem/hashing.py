"""Hash a whole file on a worker."""

from __future__ import annotations

import hashlib
import os
import threading

from twisted.internet.defer import CancelledError

from txregistry.concurrency.workers import IWorkers
from txregistry.storage.filesystem.files import READ_FLAGS
from txregistry.storage.interfaces import Hasher

# Bytes read at once: enough that hashing, which lets other threads run, is nearly all of the time.
_PIECE = 1_048_576


def new_hasher(algorithm: str = "sha256") -> Hasher:
    """A hasher of no bytes yet."""
    return hashlib.new(algorithm)


async def hash_file(workers: IWorkers, path: str, algorithm: str) -> Hasher:
    """The hasher behind the file's last byte; cancelling stops the work after the piece that is being read."""
    stop = threading.Event()
    try:
        return await workers.run(_hash, path, algorithm, stop)
    except CancelledError:
        stop.set()
        raise


def _hash(path: str, algorithm: str, stop: threading.Event) -> Hasher:
    hasher = new_hasher(algorithm)
    view = memoryview(bytearray(_PIECE))
    descriptor = os.open(path, READ_FLAGS)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        offset = 0
        while not stop.is_set() and (count := os.preadv(descriptor, [view], offset)):
            hasher.update(view[:count])
            offset += count
        return hasher
    finally:
        os.close(descriptor)
