"""What this filesystem can do and what it promises."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import tempfile

from attrs import frozen

# Filesystems whose `stat` and `open` answer from this machine's memory or disk and are never out of date. On any other
# (NFS, CIFS, FUSE, what is not known) attributes may be cached and a call may wait for the network.
_LOCAL = frozenset(
    {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "exfat", "f2fs", "jfs", "nilfs2", "ntfs3"}
) | frozenset({"overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs"})
_IN_MEMORY = frozenset({"ramfs", "tmpfs"})
# Where to sync all takes little longer than to sync one file.
_SYNCED_AS_WHOLE = frozenset({"ext4", "xfs"})

# A space in a path of the mount table is written as \040.
_ESCAPE = re.compile(r"\\([0-7]{3})")


@frozen
class Traits:
    """Of the filesystem that holds the root folder.

    `local`: calls may be made in the reactor's thread, and versions may be trusted. `in_memory`: a file's bytes are
    always resident. `no_wait`: reads with RWF_NOWAIT work. `sync_folders`, `lock_folders`, `sendfile`: these work.
    `sync_whole`: syncfs reports what could not be written.
    """

    local: bool
    in_memory: bool
    no_wait: bool
    sync_folders: bool
    lock_folders: bool
    sendfile: bool
    sync_whole: bool = False

    @property
    def read_flags(self) -> int | None:
        """Flags with which preadv(2) never waits for a disk; None where there are none."""
        if not self.local:
            return None
        if self.in_memory:
            return 0
        return os.RWF_NOWAIT if self.no_wait else None


def probe(root: str) -> Traits:
    """Try it out; blocks. Raise `OSError` where the root folder cannot be opened."""
    kind = filesystem_type(root, _mount_table())
    in_memory = kind in _IN_MEMORY
    no_wait, sendfile = _reading(root)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folders, lock_folders = _syncs(folder), _locks(folder)
    finally:
        os.close(folder)
    sync_whole = kind in _SYNCED_AS_WHOLE and reports_failed_writes(os.uname().release)
    return Traits(kind in _LOCAL, in_memory, no_wait, sync_folders, lock_folders, sendfile, sync_whole)


def filesystem_type(path: str, mount_table: str) -> str:
    """By the last of the innermost mounts in the text of `/proc/self/mountinfo`; empty where there is none."""
    real = os.path.realpath(path)
    found, kind = "", ""
    for line in mount_table.splitlines():
        fields = line.split()
        place = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4])
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(found):
            found, kind = place, fields[fields.index("-") + 1]
    return kind


def reports_failed_writes(release: str) -> bool:
    """Whether syncfs does, by the kernel's release (syncfs(2): since Linux 5.8)."""
    numbers = re.match(r"(\d+)\.(\d+)", release)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= (5, 8)


def _mount_table() -> str:
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
            return table.read()
    except FileNotFoundError:
        return ""  # Not Linux: nothing is promised.


def _reading(root: str) -> tuple[bool, bool]:
    """Whether RWF_NOWAIT and sendfile work on a file there; no where none can be made."""
    try:
        with tempfile.TemporaryFile(dir=root, prefix=".", suffix=".tmp") as file:
            file.write(b"x")
            file.flush()
            return _reads_without_waiting(file.fileno()), _sends(file.fileno())
    except OSError:
        return False, False


def _reads_without_waiting(descriptor: int) -> bool:
    try:
        os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):
        return False
    return True


def _sends(descriptor: int) -> bool:
    here, there = socket.socketpair()
    with here, there:
        try:
            return os.sendfile(here.fileno(), descriptor, 0, 1) == 1
        except OSError:
            return False


def _syncs(folder: int) -> bool:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS):
            return False
        raise
    return True


def _locks(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    fcntl.flock(folder, fcntl.LOCK_UN)
    return True
