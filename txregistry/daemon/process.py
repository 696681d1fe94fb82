"""What is set once for the whole process of a server."""

from __future__ import annotations

import ctypes
import gc
import resource
from contextlib import suppress

# Free bytes that are kept, and the size from which on a piece is not taken from among them.
KEPT = 16 * 1024 * 1024
# Of mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def raise_file_limit() -> None:
    """Allow as many open files as the hard limit does: each connection is one, and so is each transfer's file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # A sandbox may forbid it; then the limit stands as whoever made the sandbox wants it.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int | None:
    """Half as many as there may be open files, or None: the other half is for what the requests on them open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft // 2


def settle_memory() -> None:
    """Take what the start has built out of the sight of the garbage collector, which would walk it again and again."""
    gc.collect()
    gc.freeze()


def keep_freed_memory() -> None:
    """Let the C library keep what a transfer's pieces have left for the next ones.

    By itself it returns most of it at once, and the kernel clears each page that it hands out again: a tenth of what a
    push costs. C libraries other than glibc have no such setting.
    """
    with suppress(AttributeError):
        set_option = ctypes.CDLL(None).mallopt
        set_option(_M_TRIM_THRESHOLD, KEPT)
        set_option(_M_MMAP_THRESHOLD, KEPT)
