"""Times of the day at which something may begin."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from txregistry.config.forms import Form, Place

_WINDOW = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_DAY = 24 * 3600


@frozen
class Window:
    """From one second of the day up to another; over midnight where the end is not behind the beginning."""

    begin: int
    end: int

    def wait(self, second: float) -> float:
        """Seconds from this second of the day until the window is open; 0 while it is."""
        return 0.0 if (second - self.begin) % _DAY < self._length else (self.begin - second) % _DAY

    @property
    def _length(self) -> int:
        return (self.end - self.begin - 1) % _DAY + 1

    def __str__(self) -> str:
        return f"{_clock(self.begin)}-{_clock(self.end)}"


ALL_DAY = Window(0, _DAY)


def until_open(windows: Sequence[Window], second: float) -> float:
    """Seconds from this second of the day until one of the windows is open."""
    return min(window.wait(second) for window in windows)


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}"


def _window(place: Place) -> Window:
    found = _WINDOW.fullmatch(place.scalar().text)
    if found is None:
        raise place.refusal("must be HH:MM-HH:MM, such as 22:00-06:00")
    hours, minutes, end_hours, end_minutes = map(int, found.groups())
    begin, end = (hours * 60 + minutes) * 60, (end_hours * 60 + end_minutes) * 60
    if begin >= _DAY or end > _DAY:
        raise place.refusal("a day has times from 00:00 to 24:00")
    if begin == end:
        raise place.refusal("the window is never open; 00:00-24:00 is all day")
    return Window(begin, end)


window = Form("`HH:MM-HH:MM`", _window)
