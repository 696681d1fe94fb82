"""How long to wait before what ended by itself is started again."""

from __future__ import annotations

from attrs import define

# In seconds: the wait after the second end in a row, and the longest.
FIRST = 0.5
LONGEST = 30.0
# Who served so long has not failed at once: the next end is a first one.
STEADY = 60.0


@define
class Damping:
    """The first time at once, then twice as long each time, so that what cannot work does not take a core.

    A wait does not grow while it is shorter than what was served since the one before it: to be away for longer than
    one was there would turn a request that now and then ends a worker into an outage.
    """

    _wait: float | None = None

    def after(self, served: float) -> float:
        """Seconds to wait, after one that served for so many."""
        if self._wait is None or served >= STEADY:
            self._wait = 0.0
        elif self._wait == 0.0:
            self._wait = FIRST
        elif served <= self._wait:
            self._wait = min(2.0 * self._wait, LONGEST)
        return self._wait
