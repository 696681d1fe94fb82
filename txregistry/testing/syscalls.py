"""System calls of the filesystem driver that keep a record, fail on demand, and know what a power cut would take."""

from __future__ import annotations

import os
from collections.abc import Sequence

from txregistry.storage.filesystem.calls import SystemCalls


class WatchedCalls(SystemCalls):
    """Real calls below `root`, where nothing has been made before.

    `log` has a line a call: its name and the paths it names, relative to `root`. The call number `fail_at`, counted
    from 0, fails with `error` (an errno). One at a time: not for several threads.

    What would survive a power cut is what POSIX promises and no more: a file's bytes once it has been synced after the
    last write, a name once its folder has been synced after the change. The syncs themselves are only recorded.
    """

    def __init__(self, root: str, fail_at: int | None = None, error: int = 0) -> None:
        self.log: list[str] = []
        self.fail_at = fail_at
        self._root = root
        self._error = error
        self._paths: dict[int, str] = {}
        self._unsynced_files: set[int] = set()
        self._unsynced_names: set[str] = set()

    def open(self, path: str, flags: int) -> int:
        """See `SystemCalls`."""
        self._enter("open", path)
        new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        descriptor = super().open(path, flags)
        self._paths[descriptor] = path
        if new:
            self._unsynced_names.add(path)
        return descriptor

    def pwritev(self, descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
        """See `SystemCalls`."""
        self._enter("pwritev", self._paths[descriptor])
        self._unsynced_files.add(os.fstat(descriptor).st_ino)
        return super().pwritev(descriptor, pieces, offset)

    def size(self, descriptor: int) -> int:
        """See `SystemCalls`."""
        self._enter("size", self._paths[descriptor])
        return super().size(descriptor)

    def begin_writing(self, descriptor: int) -> None:
        """See `SystemCalls`."""
        self._enter("begin_writing", self._paths[descriptor])
        super().begin_writing(descriptor)

    def fdatasync(self, descriptor: int) -> None:
        """See `SystemCalls`."""
        self._enter("fdatasync", self._paths[descriptor])
        self._unsynced_files.discard(os.fstat(descriptor).st_ino)

    def fsync(self, descriptor: int) -> None:
        """See `SystemCalls`."""
        folder = self._paths[descriptor]
        self._enter("fsync", folder)
        self._unsynced_names = {path for path in self._unsynced_names if os.path.dirname(path) != folder}

    def syncfs(self, descriptor: int) -> None:
        """See `SystemCalls`."""
        self._enter("syncfs", self._root)
        self._unsynced_files.clear()
        self._unsynced_names.clear()

    def close(self, descriptor: int) -> None:
        """See `SystemCalls`. A descriptor is closed even where this fails, as on Linux."""
        super().close(descriptor)
        self._enter("close", self._paths.pop(descriptor))

    def mkdir(self, path: str) -> None:
        """See `SystemCalls`."""
        self._enter("mkdir", path)
        super().mkdir(path)
        self._unsynced_names.add(path)

    def rename(self, source: str, target: str) -> None:
        """See `SystemCalls`."""
        self._enter("rename", source, target)
        super().rename(source, target)
        # What is in a folder goes with it, names that are not on disk included.
        below = {path for path in self._unsynced_names if path.startswith(source + "/")}
        self._unsynced_names -= below
        self._unsynced_names |= {target + path.removeprefix(source) for path in below}
        self._unsynced_names |= {source, target}

    def unlink(self, path: str) -> None:
        """See `SystemCalls`."""
        self._enter("unlink", path)
        super().unlink(path)
        self._unsynced_names.add(path)

    def rmdir(self, path: str) -> None:
        """See `SystemCalls`."""
        self._enter("rmdir", path)
        super().rmdir(path)
        self._unsynced_names.add(path)

    def touch(self, path: str | int) -> None:
        """See `SystemCalls`."""
        self._enter("touch", self._paths[path] if isinstance(path, int) else path)
        super().touch(path)

    def somebody_made(self, path: str) -> None:
        """A folder that another process has made and not synced; `path` is relative."""
        os.mkdir(f"{self._root}/{path}")
        self._unsynced_names.add(f"{self._root}/{path}")

    def lost_in_a_power_cut(self, path: str) -> list[str]:
        """What is not on disk of a file and the names that lead to it, or of its removal; `path` is relative."""
        full = f"{self._root}/{path}"
        lost = []
        try:
            if os.stat(full).st_ino in self._unsynced_files:
                lost.append("the bytes")
            gone = False
        except FileNotFoundError:
            gone = True
        while full != self._root:
            exists = os.path.lexists(full)
            if full in self._unsynced_names and (exists or gone):
                lost.append(os.path.relpath(full, self._root))
            if gone and full not in self._unsynced_names and not exists:
                return []  # It is gone for good with this name, whatever was below it.
            full = os.path.dirname(full)
        return lost

    def _enter(self, name: str, *paths: str) -> None:
        number = len(self.log)
        self.log.append(" ".join([name, *(os.path.relpath(path, self._root) for path in paths)]))
        if number == self.fail_at:
            raise OSError(self._error, os.strerror(self._error))
