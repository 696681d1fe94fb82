"""A plot of the ratios: a row of two bars for each load, and a mark where each target is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Line

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["draw"]

_ROW_INCHES = 0.27
_COST, _RATE, _MARK = "#1f5f8b", "#e39b3b", "#222222"
_HALF = 0.38
"""Height of a bar; two stand in a row."""
_TICKS = (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000, 10_000)
_FAMILIES = {
    "docker": "docker",
    "list": "lists",
    "memory": "memory",
    "pull": "pulls",
    "push": "pushes",
    "small": "small requests",
    "start": "start",
}


def draw(lines: Sequence[Line], path: Path) -> None:
    """Write the file, whose kind its name tells; raise ImportError without matplotlib.

    The same figures give the same bytes.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "the same names of parts each time"
    from matplotlib.figure import Figure

    shown = [line for line in lines if line.cost_ratio or line.rate_ratio]
    groups = [(name, list(some)) for name, some in groupby(shown, lambda line: line.name.partition("-")[0])]
    height = len(shown) + len(groups)
    figure = Figure(figsize=(10, 1.4 + _ROW_INCHES * height), layout="constrained")
    axes = figure.add_subplot()
    _draw_groups(axes, groups)
    axes.set_ylim(height - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    _draw_scale(axes)
    figure.legend(handles=_legend(), loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_groups(axes: Axes, groups: Sequence[tuple[str, Sequence[Line]]]) -> None:
    """A heading for each family, and below it a row for each of its loads."""
    beside = axes.get_yaxis_transform()
    places: list[int] = []
    titles: list[str] = []
    at = 0
    for name, lines in groups:
        axes.text(-0.01, at, _FAMILIES.get(name, name), transform=beside, ha="right", va="center", weight="bold")
        for line in lines:
            at += 1
            places.append(at)
            titles.append(line.title.replace("`", ""))
            _draw_ratio(axes, at - _HALF / 2, line.cost_ratio, line.target.cost, _COST)
            _draw_ratio(axes, at + _HALF / 2, line.rate_ratio, line.target.rate, _RATE)
        at += 1
    axes.set_yticks(places, titles)


def _draw_ratio(axes: Axes, at: float, ratio: float | None, target: float | None, color: str) -> None:
    """A bar that begins at 1, and goes to the right where we are better."""
    if ratio:
        axes.barh(at, ratio - 1, _HALF, left=1, color=color)
    if target:
        axes.vlines(target, at - _HALF / 2, at + _HALF / 2, color=_MARK, linewidth=2)


def _draw_scale(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.axvline(1, color=_MARK, linewidth=1)
    first, last = axes.get_xlim()
    ticks = [value for value in _TICKS if first <= value <= last]
    axes.set_xticks(ticks, [f"{value:,g}" for value in ticks])
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", top=True, labeltop=True)
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("times better than the better of the peers")
    for edge in ("right", "left"):
        axes.spines[edge].set_visible(False)


def _legend() -> list[Artist]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(color=_COST, label="processor time, one process"),
        Patch(color=_RATE, label="rate, two workers"),
        Line2D([], [], color=_MARK, linewidth=2, label="target", marker="|", linestyle="none", markersize=9),
    ]
