"""Make many changes durable together: each succeeds or fails by itself, and a folder that several need is synced once.

Blocks, and belongs on a worker.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Generator, Sequence

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
                under_way[number].close()
                del needed[number]
        under_way = {number: under_way[number] for number in needed}
    return failures


def _steps(tree: DurableTree, change: Change) -> Generator[Sequence[str], None, None]:
    """Go as far as can be gone before the folders that each step tells are on disk.

    Without folders a step is over where the disk has begun with something, so that it does with those of the others.
    """
    spare = None
    try:
        if change.received is not None:
            if not change.received.is_synced:
                tree.calls.begin_writing(change.received.descriptor)
                yield []
            folders, spare = _place(tree, change.received, change.files)
            yield folders
        for path, content in change.files:
            over, spare = spare, None
            yield from _write(tree, path, content, over)
            yield [os.path.dirname(path)]
    finally:
        if spare is not None:
            tree.discard(spare)
    if change.received is not None:
        _clear_up(tree, change.received)


def _write(tree: DurableTree, path: str, content: bytes, over: str | None) -> Generator[Sequence[str], None, None]:
    for attempt in itertools.count():
        prepared = tree.prepare(path, content, begin=True, over=over if attempt == 0 else None)
        yield []
        try:
            tree.publish(prepared, sync=True)
            return
        except FileNotFoundError:
            if not tree.may_try_again(attempt):
                raise


def _place(
    tree: DurableTree, received: Received, files: Sequence[tuple[str, bytes]]
) -> tuple[Sequence[str], str | None]:
    """See what was received to the disk and to its place; the folders to settle, and a file that can be written over.

    Where the upload has a folder of its own, that becomes the folder of the content, and one of its files the first of
    the small ones: to make files and folders, and to remove them, is most of what there is to do.
    """
    if tree.calls.size(received.descriptor) != received.size:
        raise OSError(errno.EIO, "somebody else has written to the file")
    # The collector counts from here, not from the last byte of an upload that was finished a day later.
    tree.calls.touch(received.descriptor)
    if not received.is_synced:
        tree.sync(received.descriptor)
    folder, spare = os.path.dirname(received.source), None
    try:
        if folder == received.leftover and not os.path.lexists(os.path.dirname(received.target)):
            if files:
                spare = tree.set_aside_from(folder, received.source, os.path.dirname(files[0][0]))
            if tree.move_with_folder(received.source, received.target):
                return [os.path.dirname(received.target), os.path.dirname(folder)], spare
        tree.move(received.source, received.target, durable=False)
    except BaseException:
        if spare is not None:
            tree.discard(spare)
        raise
    return [os.path.dirname(received.target)], spare


def _clear_up(tree: DurableTree, received: Received) -> None:
    """Nothing depends on it: the bytes are on disk, and what stays is purged."""
    with contextlib.suppress(OSError):
        tree.calls.close(received.descriptor)
    if received.leftover is not None and os.path.lexists(received.leftover):
        with contextlib.suppress(OSError):
            tree.delete(received.leftover, durable=False)
