"""The collections that a server makes by itself: when, and what it says of them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.concurrency.repeating import Repeating
from txregistry.config.model import Collection
from txregistry.config.windows import until_open
from txregistry.registry.collection.adoption import Adoption
from txregistry.registry.collection.collector import Collector
from txregistry.registry.collection.limits import Limits
from txregistry.registry.collection.repository import ManifestUnreadable
from txregistry.storage.errors import Locked, StorageFailure

_log = Logger()

# The first run comes at random within so many seconds, so that processes which start together do not run together.
_FIRST_WITHIN = 300.0
# A run that began within this part of the interval was somebody else's: our own are a whole one apart.
_RECENT = 0.9


class ScheduledCollection:
    """One run, whatever comes of it. `now` tells seconds since the epoch."""

    def __init__(
        self,
        collector: Collector,
        adoption: Adoption,
        collection: Collection,
        clock: IReactorTime,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._collector = collector
        self._adoption = adoption
        self._limits = limits_of(collection)
        self._asked_for = collection.enabled is True
        self._recent = _RECENT * collection.interval
        self._clock = clock
        self._now = now
        self._warned = False

    async def run(self) -> None:
        """Collect, or only report where the store is not ours; log the outcome.

        Skip it when somebody else collects, or has done so not long ago: one run in an interval is enough for all.
        """
        try:
            last = await self._collector.last_begun()
            if last is not None and 0 <= self._now() - last < self._recent:
                _log.debug("collection skipped: another one was made not long ago")
                return
            limits = await self._allowed()
            began = self._clock.seconds()
            report = await self._collector.run(limits)
        except Locked:
            _log.debug("collection skipped: another one is running")
        except ManifestUnreadable as problem:
            _log.error(
                "collection stopped: a manifest cannot be read, so nobody knows what it keeps: "
                "push it again or delete it by its digest",
                repository=str(problem.name),
                digest=str(problem.digest),
            )
        except StorageFailure as failure:
            _log.error(
                "collection stopped: the storage failed; it is tried again", path=failure.path, reason=failure.reason
            )
        else:
            seconds = round(self._clock.seconds() - began, 3)
            _log.info("collection finished", seconds=seconds, **report.figures())

    async def _allowed(self) -> Limits:
        if self._asked_for or await self._adoption.is_ours():
            return self._limits
        if not self._warned:
            self._warned = True
            _log.warn(
                "another registry made this store: collections only report until you say `txregistry adopt CONFIG`, "
                "or set txregistry.collection.enabled to true; do so when no other registry writes to it any more"
            )
        return evolve(self._limits, dry_run=True)


def limits_of(collection: Collection) -> Limits:
    """What the configuration allows a collection to remove."""
    return Limits(
        grace=collection.grace,
        trash=collection.trash,
        delete_untagged=collection.deleteuntagged,
        rate=collection.rate,
    )


def collecting(
    collector: Collector,
    adoption: Adoption,
    collection: Collection,
    clock: IReactorTime,
    now: Callable[[], float] = time.time,
    local: Callable[[float], time.struct_time] = time.localtime,
) -> Repeating:
    """A run each `interval`, begun within a window; `local` gives the local time of seconds since the epoch."""

    def allowed(seconds: float) -> float:
        then = local(now() + seconds)
        return seconds + until_open(collection.window, (then.tm_hour * 60 + then.tm_min) * 60 + then.tm_sec)

    scheduled = ScheduledCollection(collector, adoption, collection, clock, now)
    first = random.uniform(0, min(_FIRST_WITHIN, collection.interval))
    return Repeating(clock, scheduled.run, first, collection.interval, allowed)
