"""Medians, ratios against the better peer, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

__all__ = ["Line", "markdown"]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: what was measured on each server, round by round."""

    name: str
    title: str
    unit: str
    costs: Mapping[str, Sequence[float]]
    """By server; less is better."""
    rate_unit: str = ""
    rates: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By server; more is better. For information: clients share the machine's cores."""
    peaks: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By server, MiB of resident memory at most."""
    samples: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """By server, all that was counted; not in the table."""
    target: float | None = None
    """The ratio to reach."""
    limit: float | None = None
    """The cost to stay under."""

    def ratio(self, ours: str) -> float | None:
        """How many times our median cost the better peer's is; None without us, a peer, or a cost that can be seen."""
        others = [median(costs) for name, costs in self.costs.items() if name != ours]
        if ours not in self.costs or not others or not median(self.costs[ours]):
            return None
        return min(others) / median(self.costs[ours])

    def verdict(self, ours: str) -> str:
        """`met`, `missed`, or nothing where nothing is promised or known."""
        if ours not in self.costs:
            return ""
        if self.limit is not None:
            return "met" if median(self.costs[ours]) < self.limit else "missed"
        ratio = self.ratio(ours)
        if self.target is None or ratio is None:
            return ""
        return "met" if ratio >= self.target else "missed"

    def goal(self) -> str:
        """What is promised, in words of the table."""
        if self.limit is not None:
            return f"under {self.limit:g}"
        return f"{self.target:g}x" if self.target is not None else ""


def markdown(lines: Sequence[Line], servers: Sequence[str], ours: str) -> str:
    """The table, a column a server."""
    head = ["load", "unit", *servers, "better peer ÷ ours", "target", ""]
    table = [head, ["---"] * len(head)]
    for line in lines:
        ratio = line.ratio(ours)
        cells = [_cell(line, server) for server in servers]
        table.append([line.title, line.unit, *cells, f"{ratio:.2f}x" if ratio else "", line.goal(), line.verdict(ours)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table) + "\n"


def _cell(line: Line, server: str) -> str:
    if server not in line.costs:
        return "-"
    cost = _digits(median(line.costs[server]))
    if server not in line.rates:
        return cost
    peak = f", {median(line.peaks[server]):.0f} MiB" if server in line.peaks else ""
    return f"{cost} ({median(line.rates[server]):,.0f}{line.rate_unit}{peak})"


def _digits(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"
