"""The steps that `twistd registry` and `txregistry serve` share, from a file to a service that has its port."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from twisted.logger import ILogObserver, Logger

from txregistry.config.load import Loaded, find_configuration, load_configuration
from txregistry.config.model import HTTP, Filesystem, Log
from txregistry.config.problems import ConfigurationError
from txregistry.daemon.assembly import assemble
from txregistry.daemon.door import provision_passwords
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.listening import is_local
from txregistry.daemon.logging import Stream, StreamObserver, formatter_for, is_journal
from txregistry.daemon.problems import StartProblem
from txregistry.daemon.process import raise_file_limit, settle_memory
from txregistry.daemon.service import RegistryService
from txregistry.daemon.signals import StopSignals
from txregistry.daemon.storage_root import prepare_root
from txregistry.http.tls import TLSProblem

_log = Logger()

_STDERR = 2

# What ends a start; the text of each is for the operator, a line a problem.
START_PROBLEMS = (ConfigurationError, StartProblem, TLSProblem)


def explain(problem: Exception) -> str:
    """What to tell the operator of one of `START_PROBLEMS`."""
    return "\n".join(f"txregistry: {line}" for line in str(problem).splitlines())


def load(explicit: str | None, environ: Mapping[str, str]) -> Loaded:
    """The configuration, found as `find_configuration` has it; raise `ConfigurationError`."""
    return load_configuration(find_configuration(explicit, environ), environ)


def observer(log: Log, stream: Stream, journal: bool) -> ILogObserver:
    """Writes the log in the configured form; `journal` tells that the stream leads to journald."""
    return StreamObserver(stream, log.level, formatter_for(log.formatter, dict(log.fields), journal))


def foreground_observer(log: Log, environ: Mapping[str, str]) -> ILogObserver:
    """The same to standard error."""
    return observer(log, sys.stderr, is_journal(_STDERR, environ))


def prepare(
    reactor: IReactor,
    loaded: Loaded,
    access_log: int,
    environ: Mapping[str, str],
    as_user: Callable[[Callable[[], None]], object] = lambda step: step(),
) -> RegistryService:
    """A service that has its port and needs only to be started. Raise one of `START_PROBLEMS`.

    Binding here, not when the service is started, lets a problem be told while there still is a terminal: twistd goes
    into the background first, and can then tell no more than that something failed. `as_user` runs a step as the user
    that the process will become.
    """
    configuration = loaded.configuration
    for warning in loaded.warnings:
        _log.warn("configuration doubtful", problem=str(warning))
    raise_file_limit()
    storage = configuration.storage
    if isinstance(storage.driver, Filesystem):
        folder = storage.driver.rootdirectory
        as_user(lambda: prepare_root(folder, storage.maintenance.readonly))
    as_user(lambda: provision_passwords(configuration.auth))
    service = assemble(reactor, configuration, access_log, environ)
    signals = StopSignals(reactor.stop, service.hurry)
    # At once, so that a signal before the reactor runs is kept for it; and again, because it installs its own.
    signals.install(reactor)
    reactor.callWhenRunning(signals.install, reactor)
    service.bind()
    restricted = configuration.asks_who or configuration.txregistry.access is not None
    if not restricted and open_to_all(configuration.http) and not loaded.declared_open:
        _log.warn("anybody who can reach the address may push and delete", address=configuration.http.addr)
    settle_memory()
    return service


def open_to_all(http: HTTP) -> bool:
    """Whether other machines can connect without proving who they are."""
    return not is_local(http) and (http.tls is None or http.tls.clientauth != "require-and-verify-client-cert")
