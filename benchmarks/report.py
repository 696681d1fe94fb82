"""Medians, ratios against the better peer, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.peers import OURS, WORKERS
from benchmarks.row import Sample, Unit
from benchmarks.targets import NONE, Target

__all__ = ["Line", "markdown"]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: what was measured on each server, round by round."""

    name: str
    title: str
    unit: Unit
    samples: Mapping[str, Sequence[Sample]]
    """By server; one that failed is not among them."""
    target: Target = NONE
    failures: Mapping[str, str] = field(default_factory=dict)
    """By server, why it has no samples."""
    floor: Sample | None = None
    """With no registry at all."""

    def with_floor(self, floor: Sample) -> Line:
        """The same, beside what is the least."""
        return replace(self, floor=floor)

    def cost(self, server: str) -> float | None:
        """The median; less is better."""
        return _median([sample.cost for sample in self.samples.get(server, ())])

    def rate(self, server: str) -> float | None:
        """The median; more is better."""
        return _median([sample.rate for sample in self.samples.get(server, ()) if sample.rate is not None])

    def peak(self, server: str) -> float | None:
        """The median, MiB of resident memory at most."""
        return _median([sample.peak for sample in self.samples.get(server, ()) if sample.peak is not None])

    @property
    def cost_ratio(self) -> float | None:
        """How many times our one process' cost the better peer's is; None without either, or where we cost nothing."""
        better, own = self._better(self.cost, min), self.cost(OURS)
        return better / own if better is not None and own else None

    @property
    def rate_ratio(self) -> float | None:
        """How many times the better peer's rate that of our two workers is; None without either."""
        better, own = self._better(self.rate, max), self.rate(WORKERS)
        return own / better if better and own is not None else None

    @property
    def cost_verdict(self) -> str:
        """`met`, `missed`, or nothing where nothing is promised or known."""
        own = self.cost(OURS)
        if self.target.limit is not None and own is not None:
            return "met" if own < self.target.limit else "missed"
        if OURS in self.failures and self.target.cost:
            return "missed"
        return _verdict(self.cost_ratio, self.target.cost)

    @property
    def rate_verdict(self) -> str:
        """The same of the rate."""
        if WORKERS in self.failures and self.target.rate:
            return "missed"
        return _verdict(self.rate_ratio, self.target.rate)

    @property
    def missed(self) -> bool:
        """Whether anything that is promised was not reached."""
        return "missed" in (self.cost_verdict, self.rate_verdict)

    def _better(self, of: Callable[[str], float | None], best: Callable[[list[float]], float]) -> float | None:
        names = [self.target.peer] if self.target.peer else [name for name in self.samples if name not in _OWN]
        known = [value for name in names if (value := of(name)) is not None]
        return best(known) if known else None


_OWN = (OURS, WORKERS)


def markdown(lines: Sequence[Line], servers: Sequence[str]) -> str:
    """The table, a column a server; ratios with their targets in parentheses."""
    head = ["load", "unit", *servers, "no registry", "CPU, better peer ÷ ours", "rate, 2 workers ÷ better peer"]
    table = [head, ["---"] * len(head)]
    for line in lines:
        cells = [_cell(line, server) for server in servers]
        floor = _words(line.unit, line.floor.cost, line.floor.rate, line.floor.peak) if line.floor else ""
        limit = f" (under {line.target.limit:g})" if line.target.limit is not None else ""
        cost = _judged(line.cost_ratio, line.target.cost, line.cost_verdict, limit)
        rate = _judged(line.rate_ratio, line.target.rate, line.rate_verdict)
        table.append([line.title, line.unit.cost, *cells, floor, cost, rate])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table) + "\n"


def _cell(line: Line, server: str) -> str:
    cost = line.cost(server)
    if cost is None:
        return line.failures.get(server, "-")
    return _words(line.unit, cost, line.rate(server), line.peak(server))


def _words(unit: Unit, cost: float, rate: float | None, peak: float | None) -> str:
    more = [f"{_digits(rate)}{unit.rate}"] if rate is not None else []
    more += [f"{peak:.0f} MiB"] if peak is not None else []
    return f"{_digits(cost)} ({', '.join(more)})" if more else _digits(cost)


def _judged(ratio: float | None, target: float | None, verdict: str, limit: str = "") -> str:
    wanted = f" ({target:.3g}x)" if target is not None else limit
    reached = f"{ratio:.2f}x" if ratio is not None else "-" if wanted else ""
    return f"{reached}{wanted} {verdict}".strip()


def _verdict(ratio: float | None, target: float | None) -> str:
    if ratio is None or target is None:
        return ""
    return "met" if ratio >= target else "missed"


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _digits(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"
