"""What SIGTERM and SIGINT do: the first stops, the second does not wait, the third kills."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = Logger()


class StopSignals:
    """The reactor's own handlers answer a second signal with a traceback, so these take their place."""

    def __init__(self, stop: Callable[[], object], hurry: Callable[[], object]) -> None:
        """`stop` begins the end, `hurry` breaks off what it waits for."""
        self._stop = stop
        self._hurry = hurry
        self._came = 0

    def install(self, reactor: IReactorFromThreads) -> None:
        """Until the reactor runs, signals wait for it; when it starts it installs its own, so call this again then."""

        def handle(number: int, _frame: FrameType | None) -> None:
            # A handler interrupts any Python code; its work belongs into a turn of the reactor.
            reactor.callFromThread(self.came, signal.Signals(number).name)

        for number in _SIGNALS:
            signal.signal(number, handle)

    def came(self, name: str) -> None:
        """A signal has come."""
        self._came += 1
        if self._came == 1:
            _log.info("stopping", signal=name)
            self._stop()
            return
        _log.warn("stopping at once", signal=name)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self._hurry()
