"""Look at files: their information, small content, and the names in a folder.

The functions whose names end in `resident` never wait for a disk and run in the reactor's thread; the others may and
belong on workers. All take absolute paths and pass on what the operating system raises.
"""

from __future__ import annotations

import errno
import heapq
import os
import re
import stat
from collections.abc import Sequence

from txregistry.storage.filesystem.failures import ABSENT
from txregistry.storage.interfaces import Content, FileInfo

# Content up to this size is read in the reactor's thread when it is in memory: about 20 µs.
SMALL = 262_144

# A change within the same tick of a coarse clock leaves the time of modification as it was, so a time is believed only
# when it lies this far back (seconds).
SETTLED_AFTER = 2.0

# Non-blocking, or else the name of a pipe would hold up whoever opens it. On a regular file it has no effect.
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_PIECE = 1_048_576

# To so many the way is shorter from a folder that is opened for it.
_MANY = 8

# Names sorted in one go: some milliseconds.
_RUN = 16_384

# Distribution 3.1 writes `<name>.<uuid>.tmp` and then renames. A tag may be called so too, but then it is a folder.
_PEERS_TEMPORARY = re.compile(r".+\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp")

# One buffer for all reads in the reactor's thread, where no two happen at once.
_buffer = bytearray(SMALL)
_view = memoryview(_buffer)
_pieces = [_buffer]


def describe(status: os.stat_result, now: float | None) -> FileInfo:
    """`now` is the clock's time before the status was taken, None where versions cannot be trusted."""
    modified = status.st_mtime
    size = status.st_size
    return FileInfo(
        size,
        modified,
        status.st_ctime,
        stat.S_ISDIR(status.st_mode),
        (status.st_mtime_ns, status.st_ino, size) if now is not None and modified + SETTLED_AFTER <= now else None,
    )


def look(path: str) -> os.stat_result:
    """Status of a file or folder. A symbolic link counts only where it leads to a folder."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            raise OSError(errno.ELOOP, "a symbolic link")
    return status


def look_at_each(folder: str, names: Sequence[str], now: float | None) -> list[FileInfo | None]:
    """Descriptions of what has these names in a folder or below it; None where there is nothing."""
    opened, start = None, folder + "/"
    found: list[FileInfo | None] = []
    try:
        if len(names) >= _MANY:
            opened, start = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), ""
        for name in names:
            try:
                status = os.lstat(start + name, dir_fd=opened)
                if stat.S_ISLNK(status.st_mode):
                    status = look(f"{folder}/{name}")
                found.append(describe(status, now))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
                found.append(None)
    except OSError as error:
        if opened is not None or error.errno not in ABSENT:
            raise
        return [None] * len(names)
    finally:
        if opened is not None:
            os.close(opened)
    return found


def read_resident(path: str, now: float | None, flags: int) -> Content | None:
    """A small file whole, None where it is not small or not all in memory; `flags` are those of preadv(2)."""
    descriptor = os.open(path, READ_FLAGS)
    try:
        count = os.preadv(descriptor, _pieces, 0, flags)
        status = os.fstat(descriptor)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return None  # A folder, or a part of the tree on another filesystem: an ordinary read tells.
        raise
    finally:
        os.close(descriptor)
    # Fewer bytes than asked for may also mean that the rest is not in memory.
    if count != status.st_size or count == SMALL:
        return None
    return Content(bytes(_view[:count]), describe(status, now))


def read(path: str, now: float | None) -> Content:
    """A file whole."""
    descriptor = os.open(path, READ_FLAGS)
    try:
        pieces = []
        offset = 0
        while piece := os.pread(descriptor, _PIECE, offset):
            pieces.append(piece)
            offset += len(piece)
        return Content(b"".join(pieces), describe(os.fstat(descriptor), now))
    finally:
        os.close(descriptor)


def names(folder: str, after: str | None, limit: int | None) -> list[str]:
    """The children's names, sorted by code point, without unfinished files."""
    found = os.listdir(folder)
    if after is not None:
        found = [name for name in found if name > after]
    joined = "\n" + "\n".join(found)
    if "\n." in joined or ".tmp" in joined:
        found = [name for name in found if name[0] != "." and not _unfinished(folder, name)]
    # A heap over a few names costs less than sorting very many.
    if limit is not None and limit * 16 < len(found):
        return heapq.nsmallest(limit, found)
    found = _sorted(found)
    return found if limit is None else found[:limit]


def _sorted(names: list[str]) -> list[str]:
    # One call of `sort` keeps all other threads waiting: 0.8 s for a million names. Merging does not.
    runs = [sorted(names[at : at + _RUN]) for at in range(0, len(names), _RUN)]
    return runs[0] if len(runs) == 1 else list(heapq.merge(*runs))


def _unfinished(folder: str, name: str) -> bool:
    return (
        name.endswith(".tmp") and _PEERS_TEMPORARY.fullmatch(name) is not None and not os.path.isdir(f"{folder}/{name}")
    )
