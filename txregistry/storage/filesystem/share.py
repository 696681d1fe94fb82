"""How much an upload may queue: all uploads of a process share one bounded memory."""

from __future__ import annotations

# Bytes, for all uploads of the process and for one.
ALL_TOGETHER = 16_777_216
HIGH_WATER = 4_194_304
# Bytes that go to a worker at once.
BATCH = 1_048_576


class QueueShare:
    """Divides by the number of writers that are open, so that no writer waits for another."""

    def __init__(self) -> None:
        self._writers = 0
        self.high_water = HIGH_WATER
        self.low_water = HIGH_WATER // 2
        self.batch = BATCH

    def join(self) -> None:
        """One more writer."""
        self._divide(self._writers + 1)

    def leave(self) -> None:
        """One fewer."""
        self._divide(self._writers - 1)

    def _divide(self, writers: int) -> None:
        self._writers = writers
        self.high_water = min(HIGH_WATER, ALL_TOGETHER // max(1, writers))
        self.low_water = self.high_water // 2
        # At most half, so that the next batch can come in while one is being written.
        self.batch = min(BATCH, self.low_water)
