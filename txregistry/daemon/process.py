"""What is set once for the whole process of a server."""

from __future__ import annotations

import gc
import resource
from contextlib import suppress


def raise_file_limit() -> None:
    """Allow as many open files as the hard limit does: each connection is one, and so is each transfer's file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # A sandbox may forbid it; then the limit stands as whoever made the sandbox wants it.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def settle_memory() -> None:
    """Take what the start has built out of the sight of the garbage collector, which would walk it again and again."""
    gc.collect()
    gc.freeze()
