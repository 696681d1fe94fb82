"""Keys that are looked for again: files that change, and a key set that another server offers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.trust import Trust, TrustProblem, believe, read_files
from txregistry.concurrency.workers import IWorkers

_log = Logger()

# From one look at the files to the next, while requests come.
FILES_SECONDS = 5.0
# And from one question to the other server to the next.
FETCH_SECONDS = 300.0
# A token with an unknown key may be a stranger's: it makes nobody ask more often than this.
UNKNOWN_SECONDS = 60.0


@frozen
class FetchFailed(Exception):
    """The other server has not given what was asked for."""

    reason: str


Fetch = Callable[[str], Coroutine[Deferred[Any], Any, bytes]]


def is_url(key_set: str) -> bool:
    """Whether a key set is to be fetched, and not read from a file."""
    return key_set.startswith(("http://", "https://"))


class TrustKeeper:
    """Keeps a `Trust` up to date in the background. What cannot be had leaves everything as it was."""

    def __init__(
        self, trust: Trust, bundle: str, key_set: str, workers: IWorkers, clock: IReactorTime, fetch: Fetch
    ) -> None:
        """`bundle` is a path, `key_set` a path or a URL, which `fetch` gets or fails with `FetchFailed`."""
        self._trust = trust
        self._bundle = bundle
        self._key_set = key_set
        self._workers = workers
        self._clock = clock
        self._fetch = fetch
        self._next_files = self._next_fetch = self._next_unknown = float("-inf")
        self._contents: tuple[bytes, bytes] | None = None
        self._fetched = b""
        self._problem: str | None = None
        # Those who wait for the look that is under way; None where there is none.
        self._waiting: list[Deferred[None]] | None = None

    def look(self) -> None:
        """Begin to look whether anything has changed, if it is time to. Costs nothing otherwise."""
        now = self._clock.seconds()
        if self._waiting is None and now >= self._next_files:
            self._begin(now, now >= self._next_fetch)

    def news(self) -> Deferred[None] | None:
        """Fires when somebody has looked for a key that is not known; None where that was tried a moment ago."""
        now, waiting = self._clock.seconds(), Deferred[None]()
        if self._waiting is not None:
            self._waiting.append(waiting)
            return waiting
        if now < self._next_unknown:
            return None
        self._next_unknown = now + UNKNOWN_SECONDS
        self._begin(now, True, waiting)
        return waiting

    def _begin(self, now: float, fetching: bool, *waiting: Deferred[None]) -> None:
        self._waiting = list(waiting)
        self._next_files = now + FILES_SECONDS
        if fetching:
            self._next_fetch = now + FETCH_SECONDS
        Deferred.fromCoroutine(self._run(fetching and is_url(self._key_set)))

    async def _run(self, fetching: bool) -> None:
        try:
            await self._read(fetching)
        except (TrustProblem, FetchFailed) as problem:
            self._tell(problem.reason)
        except Exception:
            _log.failure("keys for tokens cannot be looked for")
        else:
            self._problem = None
        waiting, self._waiting = self._waiting or (), None
        for one in waiting:
            one.callback(None)

    async def _read(self, fetching: bool) -> None:
        path = "" if is_url(self._key_set) else self._key_set
        bundle, keys = await self._workers.run(read_files, (self._bundle, path))
        if fetching:
            self._fetched = await self._fetch(self._key_set)
        key_set = self._key_set
        if is_url(key_set):
            keys, key_set = self._fetched, key_set if self._fetched else ""
        if (bundle, keys) == self._contents:
            return
        believe(self._trust, (self._bundle, bundle), (key_set, keys))
        if self._contents is not None:
            _log.info("keys for tokens read again", bundle=self._bundle, jwks=self._key_set)
        self._contents = (bundle, keys)

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            _log.error("keys for tokens cannot be read, those from before go on to count", reason=problem)
