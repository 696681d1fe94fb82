"""One line of the table, and one measurement for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.peers import Peer

__all__ = ["MEMORY", "PER_BYTE", "PER_OPERATION", "SECONDS", "Floor", "Measure", "Row", "Sample", "Unit"]


@dataclass(frozen=True, slots=True)
class Unit:
    """Of the cost, of which less is better, and of the rate, of which more is; empty: there is none."""

    cost: str
    rate: str = ""


PER_OPERATION = Unit("CPU-s/1,000", "/s")
PER_BYTE = Unit("CPU-s/GB", " MB/s")
"""Of 10**9 and 10**6 bytes."""
MEMORY = Unit("MiB")
SECONDS = Unit("s")


@dataclass(frozen=True, slots=True)
class Sample:
    """One server under one load once."""

    cost: float
    rate: float | None = None
    peak: float | None = None
    """MiB of resident memory at most."""
    details: Mapping[str, float] = field(default_factory=dict)
    """All that was counted; not in the table."""


Measure = Callable[["Bench", "Peer", int], Sample]
"""Takes one sample; the number says how many that server has given in this row before."""
Floor = Callable[["Bench"], Sample]
"""What the same bytes cost with no registry at all."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is measured."""

    name: str
    """Begins with its family's: `--only 'pull-*'`."""
    title: str
    unit: Unit
    measure: Measure
    floor: Floor | None = None
    rounds: int | None = None
    """So many at most: for what takes long and swings little."""
    thorough: bool = False
    """Only measured when it is asked for by its name, or everything is."""
