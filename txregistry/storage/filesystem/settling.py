"""Which folders' entries are on disk, and how those of others get there.

To settle a folder is to sync it, and then each folder above it whose entry for the one below may not be on disk yet. A
folder that exists proves nothing: it may have been made a moment ago by somebody who has not synced it, or by an upload
that never does. So this process trusts only folders that it has seen to the disk itself, and syncs all others once.

Everything here blocks and belongs on workers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from txregistry.storage.filesystem.calls import SystemCalls

# Paths remembered as safely on disk, at about 200 bytes each.
_MOST_SETTLED = 16_384

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

# Folders that have been synced, and what that failed with.
Synced = dict[str, OSError | None]


class Settling:
    """All paths are absolute and `root` or below it; what the operating system raises is passed on.

    Where folders cannot be synced (`is_possible`), nothing happens.
    """

    def __init__(self, root: str, calls: SystemCalls, is_possible: bool) -> None:
        self._root = root
        self._calls = calls
        self._is_possible = is_possible
        self._settled: set[str] = set()

    def is_settled(self, folder: str) -> bool:
        """Whether its own entry is known to be on disk, as long as nobody else removes it."""
        return folder == self._root or folder in self._settled

    def forget(self, folder: str) -> None:
        """It is another folder than before."""
        self._settled.discard(folder)

    def settle(self, folder: str, synced: Synced | None = None) -> None:
        """See to the disk the entries of this folder, and the entry of each folder above it where that is not known.

        Those in `synced` have been since the change and are not synced again; the others are noted there.
        """
        if not self._is_possible:
            return
        if synced is None:
            synced = {}
        unsettled: list[str] = []
        while True:
            try:
                self._sync_once(folder, synced)
            except FileNotFoundError:
                if folder == self._root:
                    raise
                unsettled.clear()  # Deleted since, with what was put there: the deletion is what is to be durable.
            if self.is_settled(folder):
                break
            unsettled.append(folder)
            folder = os.path.dirname(folder)
        self._remember(unsettled)

    def know(self, folder: str) -> None:
        """Its entries and those that lead to it are on disk."""
        unsettled: list[str] = []
        while not self.is_settled(folder):
            unsettled.append(folder)
            folder = os.path.dirname(folder)
        self._remember(unsettled)

    def sync(self, folder: str) -> None:
        """See to the disk the entries of this folder alone."""
        if not self._is_possible:
            return
        descriptor = self._calls.open(folder, _FOLDER)
        try:
            self._calls.fsync(descriptor)
        finally:
            self._calls.close(descriptor)

    def _remember(self, folders: Sequence[str]) -> None:
        if len(self._settled) > _MOST_SETTLED:
            self._settled.clear()
        self._settled.update(folders)

    def _sync_once(self, folder: str, synced: Synced) -> None:
        if folder not in synced:
            try:
                self.sync(folder)
                synced[folder] = None
            except OSError as error:
                synced[folder] = error
        failure = synced[folder]
        if failure is not None:
            raise failure
