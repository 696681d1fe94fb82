"""Durations as Go writes them."""

from __future__ import annotations

import re
from decimal import Decimal

from attrs import frozen

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # the micro sign
    "\u03bcs": 1_000,  # the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_WHOLE = re.compile(rf"([-+]?)((?:{_PART.pattern})+|0)")
_LONGEST_TEXT = 64
_MOST = 2**63 - 1  # nanoseconds: about 292 years, the range of Go's type
_BARE = re.compile(r"[-+]?[0-9]+")


@frozen
class BadDuration(Exception):
    """Not a duration, or one beyond 292 years."""

    text: str


def parse_duration(text: str) -> float:
    """Seconds of `300ms`, `1.5h`, `1h30m` or `0`. Raise `BadDuration`."""
    whole = _WHOLE.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if whole is None:
        raise BadDuration(text)
    total = sum((Decimal(number) * _NANOSECONDS[unit] for number, unit in _PART.findall(whole[2])), Decimal(0))
    return _seconds(text, int(total) * (-1 if whole[1] == "-" else 1))


def parse_nanoseconds(text: str) -> float | None:
    """Seconds of a bare integer, which counts nanoseconds; None if the text is anything else. Raise `BadDuration`."""
    if _BARE.fullmatch(text) is None:
        return None
    if len(text) > _LONGEST_TEXT:
        raise BadDuration(text)
    return _seconds(text, int(text))


def format_duration(seconds: float) -> str:
    """As a configuration would write it, in hours, minutes and seconds: `24h`, `1h30m`, `0.5s`, `0s`."""
    minutes, rest = divmod(round(seconds, 9), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest:.9g}s" if rest else ""]
    return "".join(parts) or "0s"


def _seconds(text: str, nanoseconds: int) -> float:
    if abs(nanoseconds) > _MOST:
        raise BadDuration(text)
    return nanoseconds / 1e9
