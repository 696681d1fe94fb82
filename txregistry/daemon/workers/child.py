"""A worker process as its parent has it: how it is made, and what is known of its end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import cast

from twisted.internet import tcp
from twisted.internet.interfaces import IListeningPort

from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.logging import StreamObserver
from txregistry.daemon.workers.forking import fork
from txregistry.daemon.workers.line import LogRelay, Order, ParentEnd, Report, close_copy, connect
from txregistry.daemon.workers.seats import Seat, Seats
from txregistry.daemon.workers.worker import Inheritance, run_worker


class Child:
    """See `IChild`."""

    def __init__(
        self,
        pid: int,
        said: Callable[[Report], None],
        write: Callable[[str], object],
        ended: Callable[[Child, int], None],
    ) -> None:
        """`ended` is called when both connections to it are gone, so that its last words come first."""
        self.pid = pid
        self.line = ParentEnd(said, self._lost)
        self.log = LogRelay(write, self._lost)
        self._ended = ended
        self._connections = 2

    def tell(self, order: Order) -> None:
        """See `IChild`."""
        self.line.tell(order)

    def kill(self) -> None:
        """See `IChild`."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """End one at once that nobody is connected to yet."""
        self.kill()
        os.waitpid(self.pid, 0)

    def close_copies(self) -> None:
        """In another child: or the end of the parent would not be noticed while that child lives."""
        close_copy(self.line.transport)
        close_copy(self.log.transport)

    def _lost(self) -> None:
        self._connections -= 1
        if self._connections == 0:
            # The kernel closes what a process had in the last moment before it can be waited for.
            _, status = os.waitpid(self.pid, 0)
            self._ended(self, status)


class Children:
    """Makes workers by forking, all of which inherit the same; see `Birth`."""

    def __init__(self, reactor: IReactor, inheritance: Inheritance, count: int) -> None:
        """For `count` at a time, and some that are about to end."""
        self._reactor = reactor
        self._seats = Seats(2 * count)
        self._inheritance = inheritance
        self._children: set[Child] = set()

    def __call__(
        self, number: int, port: IListeningPort, said: Callable[[Report], None], ended: Callable[[int], None]
    ) -> Child:
        """See `Birth`."""
        listening = cast(tcp.Port, port).socket
        line, worker_line = socket.socketpair()
        log, worker_log = socket.socketpair()
        seat = self._seats.seat()

        def work(reactor: IReactor) -> int:
            line.close()
            log.close()
            for sibling in self._children:
                sibling.close_copies()
            return run_worker(reactor, number, self._inheritance, listening, worker_line, worker_log, seat)

        def gone(child: Child, status: int) -> None:
            self._children.discard(child)
            self._give_back(seat)
            ended(status)

        with ExitStack() as undoing:
            undoing.callback(self._give_back, seat)
            with worker_line, worker_log:
                child = Child(fork(work), said, self._log, gone)
            undoing.callback(child.end)
            connect(self._reactor, line, child.line)
            connect(self._reactor, log, child.log)
            undoing.pop_all()
        self._children.add(child)
        return child

    def _give_back(self, seat: Seat | None) -> None:
        if seat is not None:
            self._seats.free(seat)

    def _log(self, lines: str) -> None:
        if isinstance(self._inheritance.observer, StreamObserver):
            self._inheritance.observer.write_lines(lines)
