"""How long a connection may stay in each phase of its life."""

from __future__ import annotations

from enum import Enum

from txregistry.http.limits import Limits


class Phase(Enum):
    """What a connection waits for; whose patience is tried."""

    IDLE = "the next request"
    HEAD = "the rest of a head"
    RECEIVING = "a client that sends a body"
    WORKING = "a handler or its bytes; that may take as long as it takes"
    SENDING = "a client that takes an answer"
    LEFT = "a handler whose client has closed its side"
    LINGERING = "a client that was told to go"


class Deadlines:
    """Counts the seconds of one connection; it is asked once a second.

    Seconds are counted rather than measured, so that a clock that is set by an hour cuts nobody off.
    """

    __slots__ = ("_limits", "_mark", "_phase", "_seconds", "_serial")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._phase: Phase | None = None
        self._serial = 0
        self._seconds = 0
        self._mark = 0

    def expired(self, phase: Phase, serial: int, progress: int) -> bool:
        """Whether the phase has lasted too long.

        `serial` tells one request from the next, `progress` counts the bytes that have gone over the socket in this
        phase: to receive or to send too few in a window of time is too long as well.
        """
        if phase is not self._phase or serial != self._serial:
            self._phase, self._serial, self._seconds, self._mark = phase, serial, 0, progress
            return False
        self._seconds += 1
        limits = self._limits
        if phase is Phase.IDLE:
            return self._seconds >= limits.idle_seconds
        if phase is Phase.HEAD:
            return self._seconds >= limits.head_seconds
        if phase is Phase.LINGERING:
            return self._seconds >= limits.linger_seconds
        if phase is Phase.LEFT:
            return self._seconds >= limits.half_closed_seconds
        if phase is Phase.WORKING or self._seconds < limits.rate_seconds:
            return False
        slow = progress - self._mark < limits.minimum_rate * self._seconds
        self._seconds, self._mark = 0, progress
        return slow
