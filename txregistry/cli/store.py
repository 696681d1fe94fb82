"""The store of a configuration, opened by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import globalLogBeginner

from txregistry.cli.jobs import run_job
from txregistry.concurrency.workers import InlineWorkers
from txregistry.config.load import find_configuration, load_configuration
from txregistry.config.model import Configuration, Filesystem
from txregistry.config.problems import ConfigurationError
from txregistry.daemon.assembly import boot_id, storage_driver
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.logging import StreamObserver, formatter_for
from txregistry.daemon.problems import StorageUnusable
from txregistry.registry.registry import Registry
from txregistry.storage.errors import StorageFailure
from txregistry.storage.interfaces import IStorageDriver

# What a shell reports of a command that SIGINT has ended.
_INTERRUPTED = 130


class CannotOpen(Exception):
    """There is no store to work on; its text is a line a problem, for the operator."""


@frozen
class OpenStore:
    """What commands work on. The rules are the server's, but everything runs in the calling thread."""

    configuration: Configuration
    driver: IStorageDriver
    registry: Registry
    clock: IReactorTime


def load(config: str | None, environ: Mapping[str, str]) -> Configuration:
    """The configuration that `serve` would find; raise `CannotOpen`."""
    try:
        return load_configuration(find_configuration(config, environ), environ).configuration
    except ConfigurationError as error:
        raise CannotOpen(str(error)) from error


def run_on_store(configuration: Configuration, work: Callable[[OpenStore], Coroutine[Deferred[Any], Any, int]]) -> int:
    """Open the store, and return the status that the work ends with; raise `CannotOpen`.

    Warnings go to standard error. A signal cancels the work and waits for its end.
    """
    from twisted.internet import reactor as installed

    reactor = cast(IReactor, installed)
    store = open_store(configuration, reactor)
    observer = StreamObserver(sys.stderr, "warn", formatter_for("text", {}, False))
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    try:
        return run_job(reactor, 1, lambda _workers: work(store))
    except KeyboardInterrupt:
        tell("interrupted")
        return _INTERRUPTED
    except StorageFailure as failure:
        return tell(f"the storage failed: {failure.reason}: {failure.path}")


def open_store(configuration: Configuration, clock: IReactorTime) -> OpenStore:
    """The store, which must exist; raise `CannotOpen`."""
    storage = configuration.storage
    if not isinstance(storage.driver, Filesystem):
        raise CannotOpen("the store is in the memory of the server: nobody else can reach it")
    folder = storage.driver.rootdirectory
    if not os.path.isdir(folder):
        raise CannotOpen(f"there is no storage folder {folder}")
    workers = InlineWorkers()
    try:
        driver = storage_driver(storage, workers)
    except StorageUnusable as problem:
        raise CannotOpen(str(problem)) from problem
    grace = configuration.txregistry.collection.grace
    registry = Registry.over(driver, workers, clock, configuration.validation, boot_id(), grace)
    return OpenStore(configuration, driver, registry, clock)


def tell(problem: object) -> int:
    """Print what is wrong on standard error; return the status of a failure."""
    for line in str(problem).splitlines():
        print(f"txregistry: {line}", file=sys.stderr)
    return 1
