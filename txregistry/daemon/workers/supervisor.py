"""The parent of worker processes: it holds the socket, and starts, replaces and stops those who serve on it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txregistry.daemon.bound import BoundService
from txregistry.daemon.interfaces import IManager, IReactor
from txregistry.daemon.listening import hold
from txregistry.daemon.workers.damping import Damping
from txregistry.daemon.workers.line import Order, Report

# Looks of the watchdog, of which two are its whole period, in which a worker has said nothing.
_HUNG = 3

_log = Logger()


class IChild(Protocol):
    """A worker, from outside."""

    @property
    def pid(self) -> int:
        """Its process."""

    def tell(self, order: Order) -> None:
        """Does nothing where it has ended."""

    def kill(self) -> None:
        """End it at once."""


class Birth(Protocol):
    """Starts a worker of this number on this port; raise `OSError`.

    `said` is called with each report, `ended` once, with the status as of `os.waitpid`.
    """

    def __call__(
        self, number: int, port: IListeningPort, said: Callable[[Report], None], ended: Callable[[int], None]
    ) -> IChild:
        """The worker."""


@define(eq=False)
class _Worker:
    """`ready` is when it first answered, `silent` counts looks of the watchdog since it last said anything."""

    number: int
    child: IChild | None = None
    ready: float | None = None
    silent: int = 0
    leaving: bool = False
    ended: Deferred[None] = field(factory=Deferred)


class Supervisor(BoundService):
    """Serves nothing itself."""

    def __init__(
        self,
        reactor: IReactor,
        listen: Callable[[], IListeningPort],
        birth: Birth,
        count: int,
        manager: IManager,
        stop: Callable[[], object],
    ) -> None:
        """`listen` raises `CannotListen`; there are to be `count` workers; `stop` ends a start that has failed."""
        super().__init__(listen)
        self._reactor = reactor
        self._birth = birth
        self._manager = manager
        self._workers: set[_Worker] = set()
        self._damping = {number: Damping() for number in range(1, count + 1)}
        self._waiting: dict[int, IDelayedCall] = {}
        # Who has never answered yet; empty from the time when the whole service was ready.
        self._missing = set(self._damping)
        self._stop_all = stop
        self._stopping = False
        self._watchdog = LoopingCall(self._look)
        self._watchdog.clock = reactor
        # Whether no request was ever answered; then the process ends with status 1.
        self.failed = False

    def bind(self) -> IListeningPort:
        """See `BoundService`. Connections wait until there are workers, who take them."""
        port = super().bind()
        hold(port)
        return port

    def startService(self) -> None:
        """Start the workers as soon as the reactor runs; the service manager is told when all of them answer."""
        super().startService()  # type: ignore[no-untyped-call]  # Twisted's own
        self.bind()
        for number in self._damping:
            self._reactor.callWhenRunning(self._start, number)

    def stopService(self) -> Deferred[None]:
        """Fire when all workers have ended."""
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's own
        return Deferred.fromCoroutine(self._stop())

    def hurry(self) -> None:
        """Let no worker wait for the requests that are left."""
        self._tell_all(Order.HURRY)

    def _start(self, number: int) -> None:
        self._waiting.pop(number, None)
        if self._stopping:
            return
        worker = _Worker(number)
        self._workers.add(worker)
        try:
            worker.child = self._birth(
                number,
                self.bind(),
                lambda report: self._said(worker, report),
                lambda status: self._ended(worker, status),
            )
        except OSError as error:
            _log.error("worker cannot be started", worker=number, reason=error.strerror or str(error))
            self._gone(worker)

    def _said(self, worker: _Worker, report: Report) -> None:
        worker.silent = 0
        if report is Report.READY:
            worker.ready = self._reactor.seconds()
            _log.info("worker answers", worker=worker.number, pid=_pid(worker))
            self._all_there(worker.number)
        elif report is Report.STOPPING and not self._stopping and worker.ready is not None:
            # It was asked to by somebody else. What it has begun may take long, so another takes its place at once.
            worker.leaving = True
            self._replace(worker)

    def _all_there(self, number: int) -> None:
        if number not in self._missing:
            return
        self._missing.discard(number)
        if not self._missing:
            self._manager.ready()
            if self._manager.watchdog is not None:
                self._watchdog.start(self._manager.watchdog)

    def _ended(self, worker: _Worker, status: int) -> None:
        told = _log.info if status == 0 else _log.error
        told("worker ended", worker=worker.number, pid=_pid(worker), **_how(status))
        self._gone(worker)

    def _gone(self, worker: _Worker) -> None:
        self._workers.discard(worker)
        if self._stopping or self.failed:
            pass
        elif worker.ready is None and worker.number in self._missing:
            _log.critical("the start has failed: a worker ended before it answered", worker=worker.number)
            self.failed = True
            self._stop_all()
        elif not worker.leaving:
            self._replace(worker)
        worker.ended.callback(None)

    def _replace(self, worker: _Worker) -> None:
        served = 0.0 if worker.ready is None else self._reactor.seconds() - worker.ready
        seconds = self._damping[worker.number].after(served)
        if seconds:
            _log.error("worker fails again and again", worker=worker.number, restart_in=seconds)
        self._waiting[worker.number] = self._reactor.callLater(seconds, self._start, worker.number)

    def _look(self) -> None:
        """The service manager is told that all is well while anybody answers; who does not is replaced."""
        for worker in self._workers:
            worker.silent += 1
            if worker.silent >= _HUNG and worker.child is not None and worker.ready is not None:
                _log.error("worker hangs, and is killed", worker=worker.number, pid=_pid(worker))
                worker.child.kill()
        if any(worker.ready is not None and worker.silent < _HUNG for worker in self._workers):
            self._manager.alive()

    async def _stop(self) -> None:
        self._stopping = True
        self._manager.stopping()
        for call in self._waiting.values():
            call.cancel()
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        self._tell_all(Order.DRAIN)
        await DeferredList([worker.ended for worker in self._workers])
        if self._watchdog.running:
            self._watchdog.stop()
        _log.info("all stopped")

    def _tell_all(self, order: Order) -> None:
        for worker in self._workers:
            if worker.child is not None:
                worker.child.tell(order)


def _pid(worker: _Worker) -> int | None:
    return None if worker.child is None else worker.child.pid


def _how(status: int) -> dict[str, object]:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return {"status": code}
    try:
        return {"signal": signal.Signals(-code).name}
    except ValueError:
        return {"signal": -code}
