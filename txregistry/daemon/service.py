"""The registry as a Twisted service: what is started, and in which order it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.application.service import IService
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txregistry.concurrency.workers import ThreadWorkers
from txregistry.daemon.bound import BoundService
from txregistry.daemon.drain import Drain
from txregistry.daemon.interfaces import IManager, IReactor
from txregistry.daemon.lines import BufferedLines
from txregistry.daemon.listening import admit, hold
from txregistry.daemon.upkeep import Upkeep

_log = Logger()


class RegistryService(BoundService):
    """Listens, and on its way out drains: no new connections, then the requests, then the commits, then the threads."""

    # What can keep it from serving is raised before it is started.
    failed = False

    def __init__(
        self,
        reactor: IReactor,
        listen: Callable[[], IListeningPort],
        drain: Drain,
        workers: Sequence[ThreadWorkers],
        access_log: BufferedLines | None,
        manager: IManager,
        upkeep: Upkeep | None = None,
    ) -> None:
        """`listen` raises `CannotListen`; `workers` are started and stopped here, and so is `upkeep`."""
        super().__init__(listen)
        self._reactor = reactor
        self._drain = drain
        self._workers = workers
        self._access_log = access_log
        self._manager = manager
        self._upkeep = upkeep
        self._beginning: Deferred[None] | None = None
        self._watchdog = LoopingCall(manager.alive)
        self._watchdog.clock = reactor

    def startService(self) -> None:
        """Start the threads and the upkeep; tell the service manager as soon as the reactor runs and requests do."""
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's own
        port = self.bind()
        for workers in self._workers:
            workers.start()
        if self._upkeep is None:
            self._reactor.callWhenRunning(self._answering)
        else:
            hold(port)
            self._beginning = Deferred.fromCoroutine(self._begin(port, self._upkeep))

    def stopService(self) -> Deferred[None]:
        """Fire when all that was begun has ended, as `Drain` has it."""
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's own
        return Deferred.fromCoroutine(self._stop())

    def hurry(self) -> None:
        """Do not wait for the requests that are left."""
        self._drain.hurry()

    async def _begin(self, port: IListeningPort, upkeep: Upkeep) -> None:
        try:
            await upkeep.begin()
        except CancelledError:
            return
        except Exception:
            # A registry that serves is worth more than one that has begun to tidy up.
            _log.failure("upkeep not begun")
        admit(port)
        self._reactor.callWhenRunning(self._answering)

    def _answering(self) -> None:
        self._manager.ready()
        if self._manager.watchdog is not None:
            self._watchdog.start(self._manager.watchdog)

    async def _stop(self) -> None:
        self._manager.stopping()
        try:
            if self._beginning is not None:
                self._beginning.cancel()
                await self._beginning
            if self._port is not None:
                await maybeDeferred(self._port.stopListening)
            if self._upkeep is not None:
                await self._upkeep.rest()
            await self._drain.run()
            if self._upkeep is not None:
                await self._upkeep.leave()
            if self._access_log is not None:
                await self._access_log.flush()
        finally:
            if self._watchdog.running:
                self._watchdog.stop()
            for workers in self._workers:
                workers.stop()
        _log.info("stopped")


def run_service(reactor: IReactor, service: IService) -> None:
    """Until the reactor is stopped, and what the service has begun has ended."""
    service.privilegedStartService()  # type: ignore[no-untyped-call]  # Twisted's own
    service.startService()  # type: ignore[no-untyped-call]  # Twisted's own
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
