"""The steps that `twistd registry` and `txregistry serve` share, from a file to a service that has its port."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, Logger

from txregistry.config.load import Loaded, find_configuration, load_configuration
from txregistry.config.model import HTTP, Configuration, Filesystem, Log
from txregistry.config.problems import ConfigurationError
from txregistry.daemon.assembly import assemble
from txregistry.daemon.door import provision_keys, provision_passwords
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.listening import is_local, listen
from txregistry.daemon.logging import Stream, StreamObserver, formatter_for, is_journal
from txregistry.daemon.problems import StartProblem
from txregistry.daemon.process import keep_freed_memory, raise_file_limit, settle_memory
from txregistry.daemon.service import RegistryService
from txregistry.daemon.signals import Stop, StopSignals
from txregistry.daemon.storage_root import prepare_root
from txregistry.daemon.systemd import Notifier, environment_at_start, inherited_sockets
from txregistry.daemon.workers.child import Children
from txregistry.daemon.workers.processors import usable_processors
from txregistry.daemon.workers.supervisor import Supervisor
from txregistry.daemon.workers.worker import Inheritance
from txregistry.http.errors import TLSProblem

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
    observer: ILogObserver | None,
    as_user: Callable[[Callable[[], None]], object] = lambda step: step(),
) -> RegistryService | Supervisor:
    """A service that has its port and needs only to be started. Raise one of `START_PROBLEMS`.

    Binding here, not when the service is started, lets a problem be told while there still is a terminal: twistd goes
    into the background first, and can then tell no more than that something failed. `as_user` runs a step as the user
    that the process will become, `observer` writes the log.
    """
    configuration = loaded.configuration
    for warning in loaded.warnings:
        _log.warn("configuration doubtful", problem=str(warning))
    raise_file_limit()
    keep_freed_memory()
    storage = configuration.storage
    if isinstance(storage.driver, Filesystem):
        folder = storage.driver.rootdirectory
        as_user(lambda: prepare_root(folder, storage.maintenance.readonly))
    as_user(lambda: provision_passwords(configuration.auth))
    as_user(lambda: provision_keys(configuration))
    stop = Stop(reactor)
    service = _service(reactor, configuration, access_log, Notifier(environ), observer, stop)
    StopSignals(stop, service.hurry).install_for_good(reactor)
    service.bind()
    restricted = configuration.asks_who or configuration.txregistry.access is not None
    if not restricted and open_to_all(configuration.http) and not loaded.declared_open:
        _log.warn("anybody who can reach the address may push and delete", address=configuration.http.addr)
    settle_memory()
    return service


def _service(
    reactor: IReactor,
    configuration: Configuration,
    access_log: int,
    manager: Notifier,
    observer: ILogObserver | None,
    stop: Stop,
) -> RegistryService | Supervisor:
    http, own = configuration.http, configuration.txregistry

    def open_port(factory: IProtocolFactory) -> IListeningPort:
        return listen(reactor, http, factory, inherited_sockets(environment_at_start()))

    tls = None
    if http.tls is not None:
        # Only here, because OpenSSL takes as much memory as all the rest of the server.
        from txregistry.daemon.tls import tls_context

        tls = tls_context(http.tls)
    # Workers assemble the same: what would keep them from starting is told here.
    service = assemble(reactor, configuration, access_log, manager, open_port, tls)
    count = usable_processors() if own.workers is None else own.workers
    if count == 1:
        return service
    inheritance = Inheritance(configuration, tls, access_log, observer, manager.watchdog)
    # Whose connections are all accepted by others.
    nobody = Factory()
    nobody.noisy = False
    return Supervisor(reactor, lambda: open_port(nobody), Children(reactor, inheritance, count), count, manager, stop)


def open_to_all(http: HTTP) -> bool:
    """Whether other machines can connect without proving who they are."""
    return not is_local(http) and (http.tls is None or http.tls.clientauth != "require-and-verify-client-cert")
