"""Remove files and folders; others may write to the same folder or remove it at the same time.

Everything here blocks and belongs on workers. Paths are absolute.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time

from txregistry.storage.filesystem.calls import SystemCalls

# What `DurableTree` calls a file that is not finished.
_TEMPORARY_NAME = re.compile(r"\.[0-9a-f]{32}\.tmp")
# An unfinished write that is older than this belongs to a process that died (seconds).
_LEFT_BEHIND = 3600.0

# How often a folder is tried again because somebody fills it at the same moment.
_ATTEMPTS = 100

_FILLED = (errno.ENOTEMPTY, errno.EEXIST)


def delete(calls: SystemCalls, path: str) -> None:
    """Remove a file, or a folder and all below it.

    Children go first, so after a crash what is left still stands under its path and can be deleted again.
    """
    try:
        calls.unlink(path)
    except IsADirectoryError:
        _delete_folder(calls, path)


def keep_only(calls: SystemCalls, folder: str, path: str) -> None:
    """Remove everything in a folder but one path."""
    for name in os.listdir(folder):
        if f"{folder}/{name}" != path:
            with contextlib.suppress(FileNotFoundError):
                delete(calls, f"{folder}/{name}")


def remove_empty(calls: SystemCalls, path: str) -> bool:
    """Remove a folder unless something is in it; tell whether it is gone.

    What a process that died left unfinished does not count.
    """
    try:
        calls.rmdir(path)
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        return False
    except OSError as error:
        if error.errno not in _FILLED:
            raise
        return _only_leftovers(calls, path) and remove_empty(calls, path)
    return True


def _delete_folder(calls: SystemCalls, path: str) -> None:
    for attempt in range(_ATTEMPTS):
        with os.scandir(path) as entries:
            children = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for child, is_folder in children:
            try:
                if is_folder:
                    _delete_folder(calls, child)
                else:
                    calls.unlink(child)
            except FileNotFoundError:
                pass  # Somebody else deletes the same.
        try:
            calls.rmdir(path)
            return
        except OSError as error:
            if error.errno not in _FILLED or attempt == _ATTEMPTS - 1:
                raise


def _only_leftovers(calls: SystemCalls, folder: str) -> bool:
    leftovers = []
    with os.scandir(folder) as entries:
        for entry in entries:
            old = entry.stat(follow_symlinks=False).st_mtime < time.time() - _LEFT_BEHIND
            if not old or _TEMPORARY_NAME.fullmatch(entry.name) is None:
                return False
            leftovers.append(entry.path)
    for leftover in leftovers:
        calls.unlink(leftover)
    return True
