"""Not more than so many bytes in a second."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

# Waits shorter than this are saved up, because a timer costs more than they last (seconds).
_SHORTEST = 0.02


class Throttle:
    """Shared by all who read. `rate` is in bytes per second, None without a limit."""

    def __init__(self, clock: IReactorTime, rate: float | None) -> None:
        self._clock = clock
        self._rate = rate
        self._due = clock.seconds()

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._rate is not None

    async def spent(self, count: int) -> None:
        """So many bytes were read: wait until more may be."""
        if self._rate is None:
            return
        now = self._clock.seconds()
        # What was not used up is lost: a rate is a ceiling, not a debt.
        self._due = max(self._due, now) + count / self._rate
        if self._due - now >= _SHORTEST:
            await deferLater(self._clock, self._due - now)
