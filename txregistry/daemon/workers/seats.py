"""Which of several workers accepts the next connection: one of those that have the fewest."""

from __future__ import annotations

import mmap

_BYTES = 4
# Of whoever accepts nothing: more connections than anybody has.
_ABSENT = 2**31 - 1


class Seats:
    """How many connections each worker has, in memory that all of them share; made before the first is forked."""

    def __init__(self, count: int) -> None:
        """For so many at a time."""
        # It is neither freed nor resized while anybody looks at it.
        self._table = memoryview(mmap.mmap(-1, count * _BYTES)).cast("i")
        self._free = list(range(count))
        for place in self._free:
            self._table[place] = _ABSENT

    def seat(self) -> Seat | None:
        """For one more worker; None where all are taken, which costs evenness and nothing else."""
        return Seat(self._table, self._free.pop()) if self._free else None

    def free(self, seat: Seat) -> None:
        """The worker has ended."""
        seat.leave()
        self._free.append(seat.place)


class Seat:
    """One worker's."""

    def __init__(self, table: memoryview[int], place: int) -> None:
        self.place = place
        self._table = table
        self._connections = 0
        self._here = False

    def take(self) -> None:
        """The worker accepts from now on."""
        self._here = True
        self._table[self.place] = self._connections

    def leave(self) -> None:
        """It accepts no more."""
        self._here = False
        self._table[self.place] = _ABSENT

    def counted(self, connections: int) -> None:
        """It has so many now."""
        self._connections = connections
        if self._here:
            self._table[self.place] = connections

    def is_turn(self) -> bool:
        """Whether nobody has fewer."""
        return self._connections <= min(self._table)
