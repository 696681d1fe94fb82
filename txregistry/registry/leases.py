"""Somebody relies on this: the time on a file, which the collector looks at.

Whoever is told that a blob, a link or a manifest exists may count on it for a grace. There is nothing to release: a
lease is the file's time of modification, so it works among all processes on a store, and it ends by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.logger import Logger

from txregistry.oci.digest import Digest
from txregistry.storage.errors import PathNotFound, StorageFailure
from txregistry.storage.interfaces import FileInfo, IStorageDriver
from txregistry.storage.links import LinkStore
from txregistry.storage.trash import Trash

_log = Logger()

# A lease is renewed when so much of it has run out: seldom enough to cost nothing, often enough to leave most of it.
_RENEWED_AFTER = 0.1


class Leases:
    """`grace` is in seconds; None where nothing may be written, and then nothing is renewed."""

    def __init__(
        self, driver: IStorageDriver, trash: Trash, grace: float | None, now: Callable[[], float] = time.time
    ) -> None:
        self._driver = driver
        self._trash = trash
        self._grace = grace
        self._now = now

    def is_due(self, info: FileInfo) -> bool:
        """Whether the lease on what this was told of wants renewing."""
        return self._grace is not None and self._now() - info.modified > self._grace * _RENEWED_AFTER

    async def renew(self, path: str) -> bool:
        """Begin a whole grace; tell whether the file is there. One that waits in the trash comes back."""
        for _ in range(2):
            try:
                await self._driver.touch(path)
                return True
            except PathNotFound:
                if not await self._trash.restore(path):
                    return False
            except StorageFailure as failure:
                # Where no time can be set nothing can be removed either.
                _log.warn("lease not renewed", path=path, reason=failure.reason)
                return True
        return False

    async def claim(self, links: LinkStore, path: str) -> Digest | None:
        """What a link names, with a lease on the link; None where there is none."""
        found = await links.look(path)
        if found is None:
            return None
        target, info = found
        if self.is_due(info) and not await self.renew(path):
            return None
        return target

    def lasts_since(self, moment: float) -> bool:
        """Whether what was claimed at that moment (seconds since the epoch) is safe for some time yet."""
        return self._grace is None or self._now() - moment < self._grace / 2

    def now(self) -> float:
        """A moment for `lasts_since`."""
        return self._now()
