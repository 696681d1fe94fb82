"""Puts one load on one server, and says what it has cost."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.loads import Load, LoadReport
from benchmarks.peers import Peer
from benchmarks.row import PER_BYTE, Floor, Measure, Row, Sample, Unit
from benchmarks.settings import Setting
from benchmarks.store import remove_repository

__all__ = ["MakeLoad", "load_row"]

_WARM_UP = 0.3
"""Of a sample's length."""
_pushes = itertools.count()

MakeLoad = Callable[[Bench], Load]
"""Asks the bench for what its store holds, and so has it written first."""


def load_row(
    name: str,
    title: str,
    unit: Unit,
    setting: Setting,
    load: MakeLoad,
    *,
    cold: Callable[[Bench], Sequence[Path]] | None = None,
    longer: float = 1,
    floor: Peer | Floor | None = None,
    rounds: int | None = None,
    thorough: bool = False,
) -> Row:
    """A row that one run of the load program measures; before each sample memory has forgotten the `cold` files.

    Samples last `longer` times as long as those of other rows.
    The floor is a server that is no registry, or whatever else can be measured.
    """
    measure = _measuring(unit, setting, load, cold, longer)
    below = _floor_of(measure, floor) if isinstance(floor, Peer) else floor
    return Row(name, title, unit, measure, below, rounds, thorough)


def _measuring(
    unit: Unit,
    setting: Setting,
    load: MakeLoad,
    cold: Callable[[Bench], Sequence[Path]] | None = None,
    longer: float = 1,
) -> Measure:
    """Takes samples under this load."""

    def measure(bench: Bench, peer: Peer, turn: int) -> Sample:
        made = load(bench)
        place = bench.place(peer, setting)
        usage = place.server.usage
        # A name that was never used, so that nothing a server may remember of a former push is wrong.
        repository = f"pushed/at-{os.getpid()}-{next(_pushes)}"
        pushes = made.verb == "push"
        if pushes:
            os.sync()  # or the last server's dirty pages would be written at this one's expense
        elif turn == 0 and cold is None:
            made.run(place.server, _WARM_UP * bench.plan.seconds)
        for path in cold(bench) if cold else ():
            _forget_pages(path)
        usage.forget_peak()
        before = usage.cpu_seconds()
        try:
            report = made.run(place.server, longer * bench.plan.seconds, repository, place.root)
            return _sample_of(unit, report, usage.cpu_seconds() - before, usage.peak_rss_mib())
        finally:
            if pushes:
                remove_repository(place.root, repository)

    return measure


def _floor_of(measure: Measure, server: Peer) -> Floor:
    """The same load on a server that is no registry."""
    return lambda bench: measure(bench, server, 0)


def _sample_of(unit: Unit, report: LoadReport, cpu_seconds: float, peak: float | None) -> Sample:
    """Cost and rate by what the load program counted."""
    thousands, done = report.operations / 1e3, float(report.operations)
    if unit is PER_BYTE:
        thousands, done = report.bytes / 1e9, report.bytes / 1e6
    details = {**asdict(report), "cpu_seconds": cpu_seconds}
    return Sample(cpu_seconds / thousands, done / report.seconds, peak, details)


def _forget_pages(path: Path) -> None:
    """Drop a file's pages; they are clean, because the store was synced when it was written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
