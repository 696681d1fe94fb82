"""A plot of the ratios: a row of two bars for each load, and a mark where each target is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.report import Line

__all__ = ["draw"]

_ROW_INCHES = 0.27
_COST, _RATE, _MARK = "#1f5f8b", "#e39b3b", "#222222"
_HALF = 0.38
"""Height of a bar; two stand in a row."""
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
    labels: list[tuple[float, str]] = []
    at = 0.0
    for name, some in groups:
        axes.text(
            -0.01,
            at,
            _FAMILIES.get(name, name),
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            weight="bold",
        )
        at += 1
        for line in some:
            labels.append((at, line.title.replace("`", "")))
            for ratio, target, color, offset in (
                (line.cost_ratio, line.target.cost, _COST, -_HALF / 2),
                (line.rate_ratio, line.target.rate, _RATE, _HALF / 2),
            ):
                if ratio:
                    # From 1 on, to the right where we are better.
                    axes.barh(at + offset, ratio - 1, _HALF, left=1, color=color)
                if target:
                    axes.vlines(target, at + offset - _HALF / 2, at + offset + _HALF / 2, color=_MARK, linewidth=2)
            at += 1
    axes.set_xscale("log")
    axes.set_ylim(at - 0.4, -0.6)
    axes.set_yticks([place for place, _ in labels], [label for _, label in labels])
    axes.tick_params(axis="y", length=0)
    axes.axvline(1, color=_MARK, linewidth=1)
    ends = axes.get_xlim()
    ticks = [value for value in _TICKS if ends[0] <= value <= ends[1]]
    axes.set_xticks(ticks, [f"{value:,g}" for value in ticks])
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", top=True, labeltop=True)
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("times better than the better of the peers")
    for edge in ("right", "left"):
        axes.spines[edge].set_visible(False)
    figure.legend(handles=_legend(), loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


_TICKS = (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000, 10_000)


def _legend() -> list[object]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(color=_COST, label="processor time, one process"),
        Patch(color=_RATE, label="rate, two workers"),
        Line2D([], [], color=_MARK, linewidth=2, label="target", marker="|", linestyle="none", markersize=9),
    ]
