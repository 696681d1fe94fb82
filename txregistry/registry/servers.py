"""Who is serving this store, so that a collection knows whether anybody may be in the middle of a push."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress

from twisted.internet.interfaces import IReactorTime

from txregistry.concurrency.pausing import pause
from txregistry.storage import layout
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.interfaces import ILock, IStorageDriver

# How long a server that is about to begin waits before it tries again, in seconds.
_RETRY_SECONDS = 0.1
# A file beside the servers' folders, because a folder can only be locked where it exists.
_GATE = "gate"
# How many of those that a dead process left behind a server removes before it serves, at a few milliseconds each.
_TIDIED = 100


class ServerCame(Exception):
    """A server wants to begin, so that graces hold again."""


class Serving:
    """A server that is known to be there until `end`, or until its process ends."""

    def __init__(self, driver: IStorageDriver, folder: str, lock: ILock) -> None:
        self._driver = driver
        self._folder = folder
        self._lock = lock

    async def end(self) -> None:
        """It serves no more."""
        try:
            await self._driver.delete(self._folder, durable=False)
        except PathNotFound:
            pass
        finally:
            self._lock.release()


class Servers:
    """Each locks a folder of its own; one that was left behind by a dead process can be locked by anybody.

    Whoever locks the folder of all of them keeps new ones from beginning. He watches for those who want to, and makes
    way. Servers that may not write, and other registries, are not known here.
    """

    def __init__(self, driver: IStorageDriver, clock: IReactorTime) -> None:
        self._driver = driver
        self._clock = clock

    async def begin(self) -> Serving:
        """Be known as a server; nothing may be served before this returns. Raise `StorageFailure`."""
        serving = await self._registered()
        try:
            while True:
                try:
                    gate = await self._driver.lock(layout.SERVERS)
                except Locked:
                    await pause(self._clock, _RETRY_SECONDS)
                else:
                    gate.release()
                    break
            # Nobody else would where collections are never run by hand.
            with suppress(StorageFailure):
                for server in (await self._known())[:_TIDIED]:
                    await self._is_over(server)
            return serving
        except BaseException:
            await serving.end()
            raise

    async def keep_away(self) -> ILock | None:
        """Let no server begin while the lock is held; None where one is there already. Raise `StorageFailure`."""
        await self._driver.write(f"{layout.SERVERS}/{_GATE}", b"", durable=False)
        try:
            gate = await self._driver.lock(layout.SERVERS)
        except Locked:
            return None
        try:
            if not await self._any():
                return gate
        except BaseException:
            gate.release()
            raise
        gate.release()
        return None

    async def watch(self) -> None:
        """For whoever holds that lock: raise `ServerCame` when a server waits for it."""
        if await self._known():
            raise ServerCame

    async def _registered(self) -> Serving:
        while True:
            folder = layout.server(secrets.token_hex(8))
            await self._driver.write(f"{folder}/lock", b"", durable=False)
            try:
                return Serving(self._driver, folder, await self._driver.lock(folder))
            except (Locked, PathNotFound):
                # Somebody has taken it for one that was left behind.
                continue

    async def _any(self) -> bool:
        for server in await self._known():
            if not await self._is_over(server):
                return True
        return False

    async def _is_over(self, server: str) -> bool:
        """Whether its process is gone; what that left behind is removed."""
        folder = layout.server(server)
        try:
            lock = await self._driver.lock(folder)
        except Locked:
            return False
        except PathNotFound:
            return True
        await Serving(self._driver, folder, lock).end()
        return True

    async def _known(self) -> Sequence[str]:
        return [name for name in await self._driver.list(layout.SERVERS) if name != _GATE]
