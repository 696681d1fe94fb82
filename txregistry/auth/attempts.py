"""How long whoever guesses passwords has to wait for each answer."""

from __future__ import annotations

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.auth.errors import TooManyAttempts

# So many are mistakes, and answered at once; behind them each answer takes twice as long as the one before.
FREE = 5
FIRST_SECONDS = 0.25
LONGEST_SECONDS = 5.0
# How long a failure counts, from the last one on.
MEMORY_SECONDS = 600.0
# Answers that may be held back for one address at a time: each holds a connection.
MOST_HELD = 50
_MOST_KEYS = 10_000


@frozen
class _Failures:
    count: int
    last: float


class Attempts:
    """Counts failures per address and per user.

    Only wrong passwords wait: whoever knows the right one is never locked out by those who guess, also where all come
    through one proxy.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, str], _Failures] = {}
        self._held: dict[str, int] = {}

    def check(self, peer: str) -> None:
        """Raise `TooManyAttempts` while too many answers to the address are held back."""
        if self._held.get(peer, 0) >= MOST_HELD:
            raise TooManyAttempts(int(LONGEST_SECONDS))

    def failed(self, peer: str, user: str) -> float:
        """One more; how many seconds its answer has to wait."""
        count = max(self._count(("address", peer)), self._count(("user", user)))
        if count <= FREE:
            return 0.0
        # The exponent is bounded, so that no count overflows.
        return min(FIRST_SECONDS * 2.0 ** min(count - FREE - 1, 32), LONGEST_SECONDS)

    async def hold_back(self, peer: str, user: str) -> None:
        """One more; return when its answer may be given."""
        seconds = self.failed(peer, user)
        if not seconds:
            return
        self.hold(peer)
        try:
            await deferLater(self._clock, seconds, lambda: None)
        finally:
            self.release(peer)

    def hold(self, peer: str) -> None:
        """An answer to the address is held back."""
        self._held[peer] = self._held.get(peer, 0) + 1

    def release(self, peer: str) -> None:
        """It was given, or nobody waits for it any more."""
        left = self._held[peer] - 1
        if left:
            self._held[peer] = left
        else:
            del self._held[peer]

    def _count(self, key: tuple[str, str]) -> int:
        now = self._clock.seconds()
        before = self._failures.pop(key, None)
        count = 1 if before is None or now - before.last > MEMORY_SECONDS else before.count + 1
        if len(self._failures) >= _MOST_KEYS:
            del self._failures[next(iter(self._failures))]
        self._failures[key] = _Failures(count, now)
        return count
