"""Make many changes durable together: each succeeds or fails by itself, and they share their waits for the disk.

Blocks, and belongs on a worker.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Callable, Generator, Mapping, Sequence

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


@frozen(eq=False)
class Wanted:
    """What has to be on disk before a change goes on: the bytes of an open file, and the entries of folders."""

    file: int | None = None
    folders: Sequence[str] = ()


def commit(tree: DurableTree, changes: Sequence[Change]) -> Sequence[Exception | None]:
    """Do all; tell for each what it failed with. What was received is closed then, unless it failed."""
    failures: list[Exception | None] = [None] * len(changes)
    under_way = {number: _steps(tree, change) for number, change in enumerate(changes)}
    while under_way:
        wanted: dict[int, Wanted] = {}
        for number, steps in under_way.items():
            try:
                wanted[number] = next(steps)
            except StopIteration:
                continue
            except Exception as failure:
                failures[number] = failure
        for number, trouble in _bring_to_disk(tree, wanted).items():
            failures[number] = trouble
            under_way[number].close()
            del wanted[number]
        under_way = {number: under_way[number] for number in wanted}
    return failures


def _bring_to_disk(tree: DurableTree, wanted: Mapping[int, Wanted]) -> Mapping[int, OSError]:
    """What failed for whom."""
    if tree.whole.is_worth(len(wanted)) and tree.whole.sync():
        for want in wanted.values():
            for folder in want.folders:
                tree.folders.know(folder)
        return {}
    failures: dict[int, OSError] = {}
    synced: Synced = {}

    def for_each(step: Callable[[Wanted], None]) -> None:
        for number, want in wanted.items():
            if number not in failures:
                try:
                    step(want)
                except OSError as failure:
                    failures[number] = failure

    def begin(want: Wanted) -> None:
        if want.file is not None:
            tree.calls.begin_writing(want.file)

    def wait(want: Wanted) -> None:
        if want.file is not None:
            tree.sync(want.file)

    def settle(want: Wanted) -> None:
        for folder in want.folders:
            tree.folders.settle(folder, synced)

    # A journal that has begun with all files is written once for them.
    for_each(begin)
    for_each(wait)
    for_each(settle)
    return failures


def _steps(tree: DurableTree, change: Change) -> Generator[Wanted, None, None]:
    """Go as far as can be gone before what each step wants is on disk."""
    folders: Sequence[str] = ()
    spare = None
    try:
        if change.received is not None:
            _check(tree, change.received)
            if not change.received.is_synced:
                yield Wanted(change.received.descriptor)
            folders, spare = _place(tree, change.received, change.files)
        for path, content in change.files:
            over, spare = spare, None
            yield from _write(tree, path, content, over, folders)
            folders = [os.path.dirname(path)]
        yield Wanted(folders=folders)
    finally:
        if spare is not None:
            tree.discard(spare)
    if change.received is not None:
        _clear_up(tree, change.received)


def _write(
    tree: DurableTree, path: str, content: bytes, over: str | None, folders: Sequence[str]
) -> Generator[Wanted, None, None]:
    """Nobody can see it before `folders`, of what came before it, are on disk."""
    for attempt in itertools.count():
        prepared = tree.prepare(path, content, over if attempt == 0 else None)
        try:
            yield Wanted(prepared.descriptor, folders)
        except GeneratorExit:
            tree.drop(prepared)
            raise
        try:
            tree.publish(prepared)
            return
        except FileNotFoundError:
            if not tree.may_try_again(attempt):
                raise


def _check(tree: DurableTree, received: Received) -> None:
    if tree.calls.size(received.descriptor) != received.size:
        raise OSError(errno.EIO, "somebody else has written to the file")
    # The collector counts from here, not from the last byte of an upload that was finished a day later.
    tree.calls.touch(received.descriptor)


def _place(
    tree: DurableTree, received: Received, files: Sequence[tuple[str, bytes]]
) -> tuple[Sequence[str], str | None]:
    """Move what was received to its place; the folders to settle, and a file that can be written over.

    Where the upload has a folder of its own, that becomes the folder of the content, and one of its files the first of
    the small ones: to make files and folders, and to remove them, is most of what there is to do.
    """
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
