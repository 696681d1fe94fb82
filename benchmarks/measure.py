"""Measures a row on all servers in turn, round after round, so that a slow minute of the machine hits all alike."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.loads import LoadFailed, LoadReport, finish
from benchmarks.rows import Row
from benchmarks.servers import Server
from benchmarks.store import remove_repository

__all__ = ["Place", "Sample", "measure_once", "measure_row"]

_WARM_UP_SECONDS = 0.3
_pushes = itertools.count()


@dataclass(frozen=True, slots=True)
class Place:
    """A server and the folder it serves."""

    server: Server
    root: Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One server under one load once."""

    report: LoadReport
    cpu_seconds: float
    peak_rss_mib: float

    def cost(self, per_byte: bool) -> float:
        """Server's processor seconds per GB, or per 1,000 operations."""
        return self.cpu_seconds / (self.report.bytes / 1e9 if per_byte else self.report.operations / 1e3)

    def rate(self, per_byte: bool) -> float:
        """MB a second, or operations."""
        return (self.report.bytes / 1e6 if per_byte else self.report.operations) / self.report.seconds


def measure_once(place: Place, row: Row, seconds: float) -> Sample:
    """Put the load on one server, and take away what it has pushed."""
    usage = place.server.usage
    # A name that was never used, so that nothing a server may remember of a former push is wrong.
    repository = f"pushed/at-{os.getpid()}-{next(_pushes)}"
    pushes = row.load.verb == "push"
    if pushes:
        os.sync()  # or the last server's dirty pages would be written at this one's expense
    usage.forget_peak()
    before = usage.cpu_seconds()
    try:
        report = finish(row.load.start(place.server.address, place.server.tls, seconds, repository, place.root))
        return Sample(report, usage.cpu_seconds() - before, usage.peak_rss_mib())
    finally:
        if pushes:
            remove_repository(place.root, repository)


def measure_row(row: Row, places: Sequence[Place], rounds: int, seconds: float) -> dict[str, list[Sample]]:
    """Samples by server; a server that cannot do the load is named on stderr and left out."""
    samples: dict[str, list[Sample]] = {place.server.name: [] for place in places}
    able = list(places)
    for turn in range(rounds):
        for place in tuple(able):
            try:
                if turn == 0 and row.load.verb != "push":
                    measure_once(place, row, _WARM_UP_SECONDS)
                samples[place.server.name].append(measure_once(place, row, seconds))
            except LoadFailed as failure:
                print(f"{row.name}: {place.server.name}: {failure}", file=sys.stderr)
                able.remove(place)
    return {name: taken for name, taken in samples.items() if taken}
