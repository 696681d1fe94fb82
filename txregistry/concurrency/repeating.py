"""Do something again and again in the background, never twice at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

_log = Logger()

Step = Callable[[], Coroutine[Deferred[Any], Any, object]]


class Repeating:
    """Begins with `start`, ends with `stop`. A step that fails is logged, and tried again when its time comes."""

    def __init__(
        self,
        clock: IReactorTime,
        step: Step,
        first: float,
        interval: float,
        allowed: Callable[[float], float] = lambda seconds: seconds,
    ) -> None:
        """Times in seconds: `first` is that until the first step, `interval` from the beginning of one to the next.

        `allowed` is told in how many seconds a step is due, and gives when it may begin, no sooner than that. A step
        that takes longer than the interval is followed by the next one at once.
        """
        self._clock = clock
        self._step = step
        self._first = first
        self._interval = interval
        self._allowed = allowed
        self._waiting: IDelayedCall | None = None
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """Wait for the first step. Called once."""
        self._wait(self._first)

    async def stop(self) -> None:
        """Cancel what is running, and return when it has ended; no step begins any more."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self._running is not None:
            running, self._running = self._running, None
            running.cancel()
            await running

    def _wait(self, seconds: float) -> None:
        self._waiting = self._clock.callLater(self._allowed(seconds), self._begin)

    def _begin(self) -> None:
        self._waiting = None
        began = self._clock.seconds()
        running = self._running = Deferred.fromCoroutine(self._run())
        running.addCallback(self._ended, running, began)

    async def _run(self) -> None:
        try:
            await self._step()
        except CancelledError:
            return
        except Exception:
            _log.failure("background work failed")

    def _ended(self, _result: None, running: Deferred[None], began: float) -> None:
        if self._running is running:
            self._running = None
            self._wait(max(0.0, began + self._interval - self._clock.seconds()))
