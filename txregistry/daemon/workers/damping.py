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
    """The first time at once, then twice as long each time, so that what cannot work does not take a core."""

    _ends: int = 0

    def after(self, served: float) -> float:
        """Seconds to wait, after one that served for so many."""
        if served >= STEADY:
            self._ends = 0
        self._ends += 1
        if self._ends == 1:
            return 0.0
        # The exponent is bounded, so that no count overflows.
        return min(FIRST * 2.0 ** min(self._ends - 2, 32), LONGEST)
