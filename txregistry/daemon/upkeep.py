"""What a server does for its store besides answering requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.concurrency.workers import IWorkers
from txregistry.config.model import Configuration
from txregistry.registry.checking.scrub import scrubbing
from txregistry.registry.collection.adoption import Adoption
from txregistry.registry.collection.schedule import collecting
from txregistry.registry.purging import purging_regularly
from txregistry.registry.registry import Registry
from txregistry.registry.servers import Servers, Serving
from txregistry.storage.errors import StorageFailure
from txregistry.storage.interfaces import IStorageDriver

_log = Logger()


class Work(Protocol):
    """Goes on in the background."""

    def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """Cut it short, and return when it has ended; also where it was never begun."""


class Upkeep:
    """For a server that may write."""

    def __init__(self, servers: Servers, adoption: Adoption, work: Sequence[Work]) -> None:
        self._servers = servers
        self._adoption = adoption
        self._work = work
        self._serving: Serving | None = None

    async def begin(self) -> None:
        """Make the server known, which has to be done before it serves, and begin the work in the background.

        Also has a store that is empty now counted as ours. A storage that fails is logged: it may recover.
        """
        try:
            self._serving = await self._servers.begin()
            await self._adoption.is_ours()
        except StorageFailure as failure:
            _log.error(
                "the store does not know of this server: stop it before you run garbage-collect by hand",
                path=failure.path,
                reason=failure.reason,
            )
        for one in self._work:
            one.start()

    async def rest(self) -> None:
        """Cut the work short, and return when it has ended."""
        for one in self._work:
            await one.stop()

    async def leave(self) -> None:
        """The server serves no more."""
        if self._serving is not None:
            try:
                await self._serving.end()
            except StorageFailure as failure:
                # Its lock has ended all the same, so that the next collection knows.
                _log.warn("server not signed off", path=failure.path, reason=failure.reason)


def upkeep_of(
    configuration: Configuration,
    registry: Registry,
    driver: IStorageDriver,
    workers: IWorkers,
    clock: IReactorTime,
    caretaker: bool = True,
) -> Upkeep | None:
    """As the configuration asks for; None where it is read-only.

    Who is no caretaker only makes itself known: of several workers one does the work in the background.
    """
    maintenance, own = configuration.storage.maintenance, configuration.txregistry
    if maintenance.readonly:
        return None
    adoption = Adoption(driver)
    work: list[Work] = []
    if not caretaker:
        return Upkeep(Servers(driver, clock), adoption, work)
    if own.collection.enabled is not False:
        work.append(collecting(registry.collector, adoption, own.collection, clock))
    if maintenance.uploadpurging.enabled:
        work.append(purging_regularly(registry.purging, maintenance.uploadpurging, clock))
    if own.scrub.enabled:
        work.append(scrubbing(driver, workers, clock, configuration))
    return Upkeep(Servers(driver, clock), adoption, work)
