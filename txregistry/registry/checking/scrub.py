"""Check everything in the background, at a rate that nobody notices, and go on after a restart where it ended."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.concurrency.repeating import Repeating
from txregistry.concurrency.workers import IWorkers
from txregistry.config.model import Configuration
from txregistry.registry.checking.checker import Checker
from txregistry.registry.checking.findings import Checked, Finding
from txregistry.registry.checking.place import Place, Plan
from txregistry.storage import layout
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.interfaces import ILock, IStorageDriver

_log = Logger()

# By how much of the interval a round may come earlier or later, so that servers of one age do not all read at once.
_JITTER = 1 / 6
# A store that was never scrubbed is begun within this (seconds).
_FIRST_WITHIN = 86_400.0
# How often it is asked whether a round is due, and how often its place is written down (seconds).
_LOOK_EVERY = 600.0
_REMEMBER_EVERY = 60.0


class Scrub:
    """Any number of servers may have one; one at a time scrubs a store. It reports and never repairs.

    `interval` is from the beginning of one round to that of the next, in seconds; `now` tells seconds since the epoch;
    `chance` gives numbers from 0 to 1. The checker brings the rate.
    """

    def __init__(
        self,
        driver: IStorageDriver,
        checker: Checker,
        clock: IReactorTime,
        interval: float,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._driver = driver
        self._checker = checker
        self._clock = clock
        self._interval = interval
        self._now = now
        self._chance = chance
        self._remembered = 0.0

    def regularly(self) -> Repeating:
        """Looks now and then whether a round is due; to be started and stopped."""
        every = min(_LOOK_EVERY, self._interval)
        return Repeating(self._clock, self._try, every, every)

    async def run_if_due(self) -> Checked | None:
        """Go on with a round that was cut short, or begin one when its time has come; None where there is none."""
        plan = await self._plan()
        if plan is None:
            await self._keep(Plan(self._now() + self._chance() * min(self._interval, _FIRST_WITHIN)))
            return None
        if plan.place is None and self._now() < plan.due:
            return None
        return await self.run_once()

    async def run_once(self) -> Checked | None:
        """Scrub from the remembered place to the end; None where another process does."""
        try:
            lock = await self._lock()
        except Locked:
            return None
        try:
            return await self._run()
        finally:
            lock.release()

    async def _try(self) -> None:
        try:
            await self.run_if_due()
        except StorageFailure as failure:
            _log.error("scrub interrupted: the storage failed", path=failure.path, reason=failure.reason)

    async def _run(self) -> Checked:
        plan = await self._plan()
        if plan is None or plan.place is None:
            jittered = self._interval * (1 + _JITTER * (2 * self._chance() - 1))
            plan = Plan(self._now() + jittered, Place())
        due, begin = plan.due, plan.place
        await self._keep(plan)

        async def reached(place: Place) -> None:
            if self._clock.seconds() - self._remembered >= _REMEMBER_EVERY:
                await self._keep(Plan(due, place))

        _log.info("scrub begins")
        checked = await self._checker.run(_report, begin=begin, reached=reached)
        await self._keep(Plan(due))
        _log.info("scrub ended", blobs=checked.blobs, bytes=checked.bytes, repositories=checked.repositories)
        return checked

    async def _plan(self) -> Plan | None:
        try:
            return Plan.decode((await self._driver.read(layout.SCRUB_PLAN)).data)
        except PathNotFound:
            return None

    async def _keep(self, plan: Plan) -> None:
        self._remembered = self._clock.seconds()
        await self._driver.write(layout.SCRUB_PLAN, plan.encode(), durable=False)

    async def _lock(self) -> ILock:
        try:
            return await self._driver.lock(layout.SCRUB)
        except PathNotFound:
            await self._driver.write(f"{layout.SCRUB}/lock", b"", durable=False)
            return await self._driver.lock(layout.SCRUB)


def _report(finding: Finding) -> None:
    told = _log.error if finding.kind.harm else _log.info
    told(
        "scrub found a problem" if finding.kind.harm else "scrub found a leftover",
        kind=finding.kind.label,
        path=finding.path,
        detail=finding.detail,
        repository=finding.repository,
        digest=finding.digest,
    )


def scrubbing(
    driver: IStorageDriver, workers: IWorkers, clock: IReactorTime, configuration: Configuration
) -> Repeating:
    """As the configuration asks for."""
    settings, age = configuration.txregistry.scrub, configuration.storage.maintenance.uploadpurging.age
    checker = Checker(driver, workers, clock, configuration.validation, settings.bytes_per_second, age)
    return Scrub(driver, checker, clock, settings.interval).regularly()
