"""A bar on a terminal: how far a long piece of work is, how fast it goes, and how long it still takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from attrs import define, field

_CELLS = 24
# Between two drawings (seconds).
INTERVAL = 0.25
# The rate is that of about so many seconds past.
_MEMORY = 5.0
_MIB = 1024 * 1024
_ERASE = "\r\x1b[K"


@define
class Bar:
    """Draws over itself in one line; `clear` takes it away. `clock` tells seconds.

    What is done counts bytes, unless `bytes_done` is False; where `total` is 0 only the words are shown.
    """

    _stream: TextIO
    _clock: Callable[[], float]
    total: int = 0
    bytes_done: bool = True
    _rate: float | None = None
    _last: tuple[float, int] | None = field(default=None)

    def draw(self, words: str, done: int) -> None:
        """Show that so many bytes are done; `words` say what is being done."""
        rate = self._measured(done)
        parts = [words]
        if self.total:
            part = min(1.0, done / self.total)
            filled = round(part * _CELLS)
            parts.append(f"[{'#' * filled}{'.' * (_CELLS - filled)}] {part:4.0%}")
            if rate:
                parts += [f"{rate / _MIB:.1f} MiB/s"] if self.bytes_done else []
                parts.append(f"{_clock_text((self.total - done) / rate)} left")
        self._stream.write(_ERASE + "  ".join(parts))
        self._stream.flush()

    def clear(self) -> None:
        """Leave the line empty."""
        self._stream.write(_ERASE)
        self._stream.flush()

    def _measured(self, done: int) -> float | None:
        """Bytes per second, the past counting less the longer it is ago."""
        now = self._clock()
        if self._last is not None and now > self._last[0]:
            passed = now - self._last[0]
            current = (done - self._last[1]) / passed
            weight = min(1.0, passed / _MEMORY)
            self._rate = current if self._rate is None else self._rate + (current - self._rate) * weight
        self._last = now, done
        return self._rate


def bar_for(stream: TextIO, clock: Callable[[], float], quiet: bool) -> Bar | None:
    """A bar where somebody can see it."""
    return None if quiet or not stream.isatty() else Bar(stream, clock)


def _clock_text(seconds: float) -> str:
    minutes, left = divmod(int(max(0.0, seconds) + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
