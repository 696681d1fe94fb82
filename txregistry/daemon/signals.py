"""What SIGTERM and SIGINT do: the first stops, the second does not wait, the third kills."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from types import FrameType

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from txregistry.daemon.interfaces import IReactor

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# A terminal interrupts all processes of a group; of those with a parent, it is the parent that stops them.
WORKER_SIGNALS = (signal.SIGTERM,)

_log = Logger()


class StopSignals:
    """The reactor's own handlers answer a second signal with a traceback, so these take their place."""

    def __init__(
        self, stop: Callable[[], object], hurry: Callable[[], object], signals: Sequence[signal.Signals] = SIGNALS
    ) -> None:
        """`stop` begins the end, `hurry` breaks off what it waits for."""
        self._stop = stop
        self._hurry = hurry
        self._signals = signals
        self._came = 0

    def install_for_good(self, reactor: IReactor) -> None:
        """At once, so that a signal before the reactor runs is kept for it, and again when it does."""
        self.install(reactor)
        reactor.callWhenRunning(self.install, reactor)

    def install(self, reactor: IReactorFromThreads) -> None:
        """Until the reactor runs, signals wait for it; when it starts it installs its own, so call this again then."""

        def handle(number: int, _frame: FrameType | None) -> None:
            # A handler interrupts any Python code; its work belongs into a turn of the reactor.
            reactor.callFromThread(self.came, signal.Signals(number).name)

        for number in self._signals:
            signal.signal(number, handle)

    def came(self, name: str) -> None:
        """A signal has come."""
        self._came += 1
        if self._came == 1:
            _log.info("stopping", signal=name)
            self._stop()
            return
        _log.warn("stopping at once", signal=name)
        for number in self._signals:
            signal.signal(number, signal.SIG_DFL)
        self._hurry()


class Stop:
    """Stops the reactor, once: it minds being told again, and there are several who may."""

    def __init__(self, reactor: IReactor) -> None:
        self._reactor = reactor
        self._begun = False

    def __call__(self) -> None:
        """Let it end."""
        if not self._begun:
            self._begun = True
            self._reactor.stop()
