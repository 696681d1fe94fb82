"""`twistd registry`: its options, and the service that they ask for."""

from __future__ import annotations

import atexit
import os
import pwd
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

from twisted.application.service import IService, MultiService
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile
from twisted.python.usage import Options as BaseOptions
from twisted.python.util import runAsEffectiveUser

from txregistry.config.model import Log
from txregistry.daemon import startup
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.problems import LogUnusable
from txregistry.daemon.service import RegistryService
from txregistry.daemon.workers.supervisor import Supervisor

# twistd's own name for the file that a daemon logs to.
LOG_FILE = "twistd.log"
_STDOUT = 1


class Options(BaseOptions):
    """What may stand behind `twistd registry`."""

    optParameters: ClassVar[list[list[str | None]]] = [
        ["config", "c", None, "The configuration file; without it the standard places are searched."]
    ]


def makeService(options: Options) -> IService:
    """The service, with its port bound. What keeps it from starting ends the process with its line and status 1."""
    from twisted.internet import reactor

    return make_service(options, cast(IReactor, reactor), os.environ)


def make_service(options: Options, reactor: IReactor, environ: Mapping[str, str]) -> IService:
    """The same with all that it depends on."""
    twistd: Mapping[str, Any] = {} if options.parent is None else options.parent
    try:
        loaded = startup.load(options["config"], environ)
        observer = log_observer(twistd, loaded.configuration.log, reactor, environ)
        service = startup.prepare(reactor, loaded, access_log(twistd), environ, observer, as_user(twistd))
    except startup.START_PROBLEMS as problem:
        sys.exit(startup.explain(problem))
    reactor.addSystemEventTrigger("after", "shutdown", end_as, service)
    application = LoggedService(observer)
    service.setServiceParent(application)  # type: ignore[no-untyped-call]  # Twisted's own
    return application


def end_as(service: RegistryService | Supervisor) -> None:
    """Let the process end with status 1 where the start has failed: twistd itself knows only 0 by then."""
    if service.failed:
        atexit.register(os._exit, 1)


class LoggedService(MultiService):
    """Lets twistd log in the configured form as soon as the service is given its application."""

    def __init__(self, observer: ILogObserver | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's own
        self._observer = observer

    def setServiceParent(self, parent: Any) -> None:
        """See `twisted.application.service.IService`."""
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)  # type: ignore[no-untyped-call]  # Twisted's own
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]  # Twisted's own


def log_observer(
    twistd: Mapping[str, Any], log: Log, reactor: IReactorFromThreads, environ: Mapping[str, str]
) -> ILogObserver | None:
    """Writes to where twistd's own options say: standard error in the foreground, else a file as twistd has it.

    None where they ask for syslog or for a logger of their own, which have no use for our form.
    """
    if twistd.get("logger") or twistd.get("syslog"):
        return None
    name = twistd.get("logfile")
    if name == "-":
        return startup.observer(log, sys.stdout, False)
    if not name and not is_daemon(twistd):
        return startup.foreground_observer(log, environ)
    file = LogFile.fromFullPath(name or LOG_FILE)  # type: ignore[no-untyped-call]  # Twisted's own
    if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:
        # What twistd does for the file that it opens itself, and what log rotation relies on.
        signal.signal(signal.SIGUSR1, lambda _number, _frame: reactor.callFromThread(file.rotate))
    return startup.observer(log, file, False)


def access_log(twistd: Mapping[str, Any]) -> int:
    """The descriptor for the access log: standard output; for a daemon, which has none, `access.log` beside its log."""
    if not is_daemon(twistd):
        return _STDOUT
    path = os.path.join(os.path.dirname(twistd.get("logfile") or LOG_FILE), "access.log")
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise LogUnusable(path, error.strerror or str(error)) from error


def as_user(twistd: Mapping[str, Any]) -> Callable[[Callable[[], None]], object]:
    """Runs a step as the user to whom twistd will shed its privileges (its options --uid and --gid)."""
    uid, gid = twistd.get("uid"), twistd.get("gid")
    if uid is None and gid is None:
        return lambda step: step()
    user = os.geteuid() if uid is None else uid
    group = pwd.getpwuid(user).pw_gid if gid is None else gid
    return lambda step: runAsEffectiveUser(user, group, step)  # type: ignore[no-untyped-call]  # Twisted's own


def is_daemon(twistd: Mapping[str, Any]) -> bool:
    """Whether twistd will go into the background."""
    return bool(twistd) and not twistd.get("nodaemon")
