"""What a storm did and what went wrong in it, in figures and in words."""

from __future__ import annotations

import threading
from collections import Counter

from attrs import define, field

_MOST_WORDS = 20


@define
class Outcome:
    """Of all clients together.

    `events` are requests whose answer was the right one, by kind. What went wrong is counted by kind, and the first of
    each are told in words: `broken push`, `broken pull`, `wrong tag`, `lost`, `server error`. What failed because the
    client had been silent for longer than it may be is `late`, and not the registry's fault.
    """

    events: Counter[str] = field(factory=Counter)
    faults: Counter[str] = field(factory=Counter)
    words: list[str] = field(factory=list)
    _sizes: dict[str, int] = field(factory=dict)
    _lock: threading.Lock = field(factory=threading.Lock)

    def did(self, kind: str) -> None:
        """Something went well."""
        with self._lock:
            self.events[kind] += 1

    def stored(self, kind: str, digest: str, size: int) -> None:
        """Content was accepted."""
        with self._lock:
            self.events[kind] += 1
            self._sizes[digest] = size

    def pushed_bytes(self) -> int:
        """Of all content, however often it was accepted."""
        with self._lock:
            return sum(self._sizes.values())

    def fault(self, kind: str, words: str) -> None:
        """Something went wrong."""
        with self._lock:
            self.faults[kind] += 1
            if self.faults[kind] <= _MOST_WORDS:
                self.words.append(f"{kind}: {words}")

    def broken(self) -> dict[str, int]:
        """The faults of the registry."""
        return {kind: count for kind, count in sorted(self.faults.items()) if kind != "late"}
