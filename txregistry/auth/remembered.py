"""Answers that are kept for a while, so many and no more."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """From a key that tells no secret to a value, until its time is over, in seconds of the caller's clock."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[bytes, tuple[float, T]] = {}

    def get(self, key: bytes, now: float) -> T | None:
        """The value, or None where there is none any more."""
        found = self._entries.get(key)
        if found is None:
            return None
        if found[0] <= now:
            del self._entries[key]
            return None
        return found[1]

    def put(self, key: bytes, value: T, until: float) -> None:
        """Keep it; the oldest one goes where there is no room."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (until, value)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
