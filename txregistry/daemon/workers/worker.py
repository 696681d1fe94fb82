"""A worker process: an ordinary registry whose service manager is its parent."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from attrs import frozen
from twisted.internet.interfaces import IListeningPort
from twisted.logger import ILogObserver, Logger, globalLogPublisher

from txregistry.config.model import Configuration
from txregistry.daemon.assembly import assemble
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.logging import StreamObserver
from txregistry.daemon.problems import StartProblem
from txregistry.daemon.process import settle_memory
from txregistry.daemon.service import run_service
from txregistry.daemon.signals import WORKER_SIGNALS, Stop, StopSignals
from txregistry.daemon.workers.line import Order, WorkerEnd, connect
from txregistry.daemon.workers.seats import Seat
from txregistry.http.ports import adopt
from txregistry.http.server import HTTPFactory

if TYPE_CHECKING:
    from txregistry.http.tls import TLSContext

_log = Logger()


@frozen
class Inheritance:
    """What all workers have from their parent, from the time when it might read and open it.

    `access_log` is a descriptor, `observer` that of the parent's log, `watchdog` how often each says that it is alive.
    """

    configuration: Configuration
    tls: TLSContext | None
    access_log: int
    observer: ILogObserver | None
    watchdog: float | None


def run_worker(
    reactor: IReactor,
    number: int,
    inheritance: Inheritance,
    listening: socket.socket,
    line: socket.socket,
    log: socket.socket,
    seat: Seat | None,
) -> int:
    """Serve on a socket until the parent or a signal ends it; the exit status.

    `line` leads to the parent, `log` to its log. All three belong to us.
    """
    _log_through(log, number, inheritance.observer)
    stop = Stop(reactor)

    def obey(order: Order) -> None:
        if order is Order.HURRY:
            service.hurry()
        stop()

    end = WorkerEnd(obey, inheritance.watchdog, seat)

    def open_port(factory: HTTPFactory) -> IListeningPort:
        if seat is not None:
            factory.counted = seat.counted
        with listening:
            return adopt(reactor, listening.fileno(), factory, None if seat is None else seat.is_turn)

    try:
        service = assemble(
            reactor,
            inheritance.configuration,
            inheritance.access_log,
            end,
            open_port,
            inheritance.tls,
            worker=number,
        )
        service.bind()
    except StartProblem as problem:
        _log.critical("worker cannot start", problem=str(problem))
        return 1
    StopSignals(stop, service.hurry, WORKER_SIGNALS).install_for_good(reactor)
    connect(reactor, line, end)
    settle_memory()
    run_service(reactor, service)
    return 0


def _log_through(log: socket.socket, number: int, observer: ILogObserver | None) -> None:
    """Let the parent write our log. An observer that is not ours goes on as it does in the parent."""
    if isinstance(observer, StreamObserver):
        globalLogPublisher.removeObserver(observer)
        stream = log.makefile("w", encoding="utf-8", errors="backslashreplace")
        globalLogPublisher.addObserver(observer.of_worker(stream, number))
