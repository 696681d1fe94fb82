"""The one place that builds everything: from a configuration to a service that can be started."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IListeningPort

from txregistry.api.application import RegistryApplication, Settings
from txregistry.api.guard import Guard
from txregistry.api.urls import URLs
from txregistry.concurrency.workers import IWorkers, ThreadWorkers
from txregistry.config.model import Configuration, Filesystem, Storage
from txregistry.daemon.accesslog import CombinedFormat
from txregistry.daemon.door import WayIn, way_in
from txregistry.daemon.drain import Drain
from txregistry.daemon.interfaces import IManager, IReactor
from txregistry.daemon.lines import BufferedLines
from txregistry.daemon.problems import StorageUnusable
from txregistry.daemon.process import most_connections
from txregistry.daemon.service import RegistryService
from txregistry.daemon.upkeep import upkeep_of
from txregistry.http.exchange import Exchange
from txregistry.http.limits import Limits
from txregistry.http.server import HTTPFactory
from txregistry.registry.registry import Registry
from txregistry.storage.errors import StorageFailure
from txregistry.storage.filesystem.driver import FilesystemDriver
from txregistry.storage.interfaces import IStorageDriver
from txregistry.storage.memory import MemoryDriver

if TYPE_CHECKING:
    from txregistry.http.tls import TLSContext

# A store in memory has little to do on workers.
_THREADS_WITHOUT_DISK = 10
# Checking a password takes a core to itself.
_THREADS_FOR_PASSWORDS = 2
# The worker that also collects, purges and scrubs; whoever replaces it has its number.
_CARETAKER = 1
# To ask a directory for it waits for the network.
_THREADS_FOR_DIRECTORY = 8


def assemble(
    reactor: IReactor,
    configuration: Configuration,
    access_log: int,
    manager: IManager,
    open_port: Callable[[HTTPFactory], IListeningPort],
    tls: TLSContext | None,
    worker: int | None = None,
) -> RegistryService:
    """A service that holds no port and no thread yet. `access_log` is the descriptor that the access log goes to.

    `worker` is its number where there are several; one of them does what is done for the store and not for each
    process. Raise `StorageUnusable` where the storage folder cannot be used, `AuthUnusable` where the keys for tokens
    cannot, `ExtraMissing` where a library is missing.
    """
    http, storage = configuration.http, configuration.storage
    threads = storage.driver.maxthreads if isinstance(storage.driver, Filesystem) else _THREADS_WITHOUT_DISK
    workers = [ThreadWorkers(reactor, "storage", threads)]
    driver = storage_driver(storage, workers[0])
    grace = None if storage.maintenance.readonly else configuration.txregistry.collection.grace
    verify = configuration.txregistry.verifyreads
    registry = Registry.over(
        driver, workers[0], reactor, configuration.validation, boot_id(), grace, verify_reads=verify
    )
    directory = configuration.txregistry.ldap is not None
    workers.append(ThreadWorkers(reactor, "passwords", _THREADS_FOR_DIRECTORY if directory else _THREADS_FOR_PASSWORDS))
    settings = api_settings(configuration, way_in(configuration, driver, workers[-1], reactor))
    lines = None
    if configuration.log.accesslog.disabled:
        application = RegistryApplication(registry, settings)
    else:
        workers.append(ThreadWorkers(reactor, "access log", 1))
        lines = BufferedLines(access_log, workers[-1], reactor, alone=worker is None)
        application = RegistryApplication(registry, settings, _access_logger(lines))
    factory = HTTPFactory(application, reactor, Limits(connections=most_connections()), tls)
    drain = Drain(factory, reactor, http.draintimeout)
    upkeep = upkeep_of(configuration, registry, driver, workers[0], reactor, worker in (None, _CARETAKER))
    return RegistryService(reactor, lambda: open_port(factory), drain, workers, lines, manager, upkeep)


def storage_driver(storage: Storage, workers: IWorkers) -> IStorageDriver:
    """The driver that the configuration names. Blocks; raise `StorageUnusable`."""
    if not isinstance(storage.driver, Filesystem):
        return MemoryDriver()
    folder = storage.driver.rootdirectory
    try:
        return FilesystemDriver(folder, workers)
    except StorageFailure as failure:
        raise StorageUnusable(folder, failure.reason) from failure


def api_settings(configuration: Configuration, entrance: WayIn | None = None) -> Settings:
    """What of the configuration concerns the API; without an entrance everybody may do everything."""
    http, storage = configuration.http, configuration.storage
    return Settings(
        urls=URLs(http.prefix, http.host, http.relativeurls),
        guard=Guard(
            read_only=storage.maintenance.readonly,
            deletes=storage.delete.enabled,
            door=None if entrance is None else entrance.door,
        ),
        headers=[(name.encode("ascii"), value.encode("ascii")) for name, values in http.headers for value in values],
        catalog_most=configuration.catalog.maxentries,
        tags_most=configuration.tags.maxtags,
        tokens=None if entrance is None else entrance.tokens,
    )


def boot_id() -> str:
    """A text that differs after every start of the machine; where the kernel has none, after every start of ours."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return str(uuid.uuid4())


def _access_logger(lines: BufferedLines) -> Callable[[Exchange], None]:
    line = CombinedFormat()

    def finished(exchange: Exchange) -> None:
        lines.add(line(exchange))

    return finished
