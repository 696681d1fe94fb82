"""Make many changes durable together: each succeeds or fails by itself, and a folder that several need is synced once.

Blocks, and belongs on a worker.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence

from attrs import frozen

from txregistry.storage.filesystem.durable import DurableTree
from txregistry.storage.filesystem.settling import Synced


@frozen(eq=False)
class Received:
    """The open file `source` of an upload, which must have exactly `size` bytes, and where it goes.

    `is_synced` is whether its bytes are on disk. The folder `leftover`, which the upload used, goes with all in it.
    """

    descriptor: int
    size: int
    is_synced: bool
    source: str
    target: str
    leftover: str | None


@frozen(eq=False)
class Change:
    """What was received, and then small files; each is durable before the next can be seen (absolute paths)."""

    files: Sequence[tuple[str, bytes]]
    received: Received | None = None


def commit(tree: DurableTree, changes: Sequence[Change]) -> Sequence[Exception | None]:
    """Do all; tell for each what it failed with. What was received is closed then, unless it failed."""
    failures: list[Exception | None] = [None] * len(changes)
    under_way = {number: _steps(tree, change) for number, change in enumerate(changes)}
    while under_way:
        needed: dict[int, Sequence[str]] = {}
        for number, steps in under_way.items():
            try:
                needed[number] = next(steps)
            except StopIteration:
                continue
            except Exception as failure:
                failures[number] = failure
        synced: Synced = {}
        for number, folders in tuple(needed.items()):
            try:
                for folder in folders:
                    tree.folders.settle(folder, synced)
            except OSError as failure:
                failures[number] = failure
                del needed[number]
        under_way = {number: under_way[number] for number in needed}
    return failures


def _steps(tree: DurableTree, change: Change) -> Iterator[Sequence[str]]:
    """Go as far as can be gone before the folders that each step tells are on disk."""
    received, is_moved = change.received, False
    if received is not None:
        if tree.calls.size(received.descriptor) != received.size:
            raise OSError(errno.EIO, "somebody else has written to the file")
        # The collector counts from here, not from the last byte of an upload that was finished a day later.
        tree.calls.touch(received.descriptor)
        if not received.is_synced:
            tree.sync(received.descriptor)
        folder = os.path.dirname(received.source)
        is_moved = received.leftover == folder and tree.move_with_folder(received.source, received.target)
        if not is_moved:
            tree.move(received.source, received.target, durable=False)
        yield [os.path.dirname(received.target), *([os.path.dirname(folder)] if is_moved else ())]
    for path, content in change.files:
        tree.write(path, content, sync=True)
        yield [os.path.dirname(path)]
    if received is not None:
        with contextlib.suppress(OSError):  # Its bytes are on disk.
            tree.calls.close(received.descriptor)
        if received.leftover is not None and not is_moved:
            with contextlib.suppress(OSError):  # Nothing depends on it, and what stays is purged.
                tree.delete(received.leftover, durable=False)
