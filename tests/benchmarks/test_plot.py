"""The plot of ratios."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers import OURS, WORKERS
from benchmarks.plot import draw
from benchmarks.report import Line
from benchmarks.row import PER_OPERATION, Sample
from benchmarks.targets import Target

pytest.importorskip("matplotlib")


def line(name: str, ours: float) -> Line:
    samples = {"peer": [Sample(4.0, 10.0)], OURS: [Sample(ours, 10.0)], WORKERS: [Sample(ours, 20.0)]}
    return Line(name, f"the load {name}", PER_OPERATION, samples, Target(3, 2))


def test_a_plot_names_its_loads_and_is_the_same_bytes_for_the_same_figures(tmp_path: Path) -> None:
    lines = [line("small-one", 1.0), line("pull-two", 8.0)]
    for name in ("first.svg", "second.svg"):
        draw(lines, tmp_path / name)
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.svg").read_bytes()
    for one in lines:
        assert one.title.encode() in first


def test_a_line_without_any_ratio_is_left_out(tmp_path: Path) -> None:
    alone = Line("small-alone", "measured alone", PER_OPERATION, {OURS: [Sample(1.0, 10.0)]})
    draw([alone, line("small-one", 1.0)], tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_bytes()
    assert b"the load small-one" in drawn
    assert b"measured alone" not in drawn


def test_nothing_to_draw_is_no_failure(tmp_path: Path) -> None:
    draw([], tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").exists()
