"""A new process that shares what is in memory, with a reactor of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import cast

from twisted.internet.main import installReactor
from twisted.logger import Logger

from txregistry.daemon.interfaces import IReactor

_log = Logger()


def fork(work: Callable[[IReactor], int]) -> int:
    """The new process's id; there, `work` is called, and gives its exit status. Raise `OSError` where that fails.

    Only for a process without threads: what another thread has locked would stay locked for ever. The terminal's
    interrupts, and the signals that are about the log, are left to us.
    """
    # Our handlers would wake our own reactor, so none may run there.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid:
            return pid
        _forget_signals()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    status = 1
    try:
        status = work(_own_reactor())
    except BaseException:
        _log.failure("worker failed")
    finally:
        # Not further up: there stands the frame of our reactor, which is not this process's.
        os._exit(status)


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _own_reactor() -> IReactor:
    """In place of ours, whose epoll both processes share."""
    from twisted.internet.epollreactor import EPollReactor

    sys.modules.pop("twisted.internet.reactor", None)
    reactor = EPollReactor()  # type: ignore[no-untyped-call]  # Twisted's own
    installReactor(reactor)  # type: ignore[no-untyped-call]  # Twisted's own
    return cast(IReactor, reactor)
