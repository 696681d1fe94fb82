"""The arithmetic and the verdicts of the table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from benchmarks.again import merged
from benchmarks.peers import OURS, WORKERS
from benchmarks.report import Line, markdown
from benchmarks.results import Results
from benchmarks.row import PER_BYTE, Sample
from benchmarks.targets import NONE, Target


def line(
    costs: Mapping[str, Sequence[float]], target: Target = NONE, failures: Mapping[str, str] = MappingProxyType({})
) -> Line:
    """Rates are what costs are."""
    samples = {name: [Sample(value, value) for value in values] for name, values in costs.items()}
    return Line("row", "a load", PER_BYTE, samples, target, failures)


def test_the_ratio_is_that_of_the_medians_and_an_outlier_does_not_move_it() -> None:
    assert line({"peer": [1.0, 4.0, 90.0], OURS: [0.5, 1.0, 30.0]}).cost_ratio == 4.0


def test_the_ratio_is_against_the_better_peer_and_never_against_our_other_server() -> None:
    measured = line({"slow": [9.0], OURS: [1.0], "quick": [3.0], WORKERS: [0.5]})
    assert measured.cost_ratio == 3.0


def test_the_rate_is_that_of_two_workers_against_the_peer_of_the_higher_rate() -> None:
    assert line({"slow": [2.0], OURS: [1.0], "quick": [4.0], WORKERS: [12.0]}).rate_ratio == 3.0


def test_there_is_no_ratio_without_a_peer_without_us_or_without_a_cost() -> None:
    assert line({OURS: [1.0], WORKERS: [1.0]}).cost_ratio is None
    assert line({OURS: [1.0], WORKERS: [1.0]}).rate_ratio is None
    assert line({"peer": [1.0]}).cost_ratio is None
    assert line({"peer": [1.0]}).rate_ratio is None
    assert line({"peer": [1.0], OURS: [0.0]}).cost_ratio is None


def test_a_target_is_met_at_exactly_its_ratio() -> None:
    costs = {"peer": [4.0], OURS: [1.0], WORKERS: [8.0]}
    met = line(costs, Target(4, 2))
    assert (met.cost_verdict, met.rate_verdict, met.missed) == ("met", "met", False)
    missed = line(costs, Target(4.1, 2.1))
    assert (missed.cost_verdict, missed.rate_verdict, missed.missed) == ("missed", "missed", True)


def test_a_target_beside_one_peer_does_not_look_at_a_better_one() -> None:
    assert line({"good": [1.0], "named": [4.0], OURS: [2.0]}, Target(2, peer="named")).cost_ratio == 2.0


def test_a_limit_is_missed_at_exactly_its_value_whatever_the_peers_need() -> None:
    costs = {"peer": [500.0], OURS: [64.0]}
    assert line(costs, Target(limit=64)).cost_verdict == "missed"
    assert line(costs, Target(limit=65)).cost_verdict == "met"


def test_a_row_that_promises_nothing_or_that_we_did_not_run_has_no_verdict() -> None:
    assert line({"peer": [4.0], OURS: [1.0], WORKERS: [1.0]}).missed is False
    assert line({"peer": [4.0]}, Target(4, 4)).missed is False


def test_a_promise_on_which_we_failed_is_missed() -> None:
    assert line({"peer": [4.0]}, Target(4, 4), {OURS: "failed"}).cost_verdict == "missed"
    failed = line({"peer": [4.0], OURS: [1.0]}, Target(4, 4), {WORKERS: "failed"})
    assert (failed.cost_verdict, failed.rate_verdict) == ("met", "missed")


def test_the_table_has_a_column_for_each_server_and_says_why_one_has_no_figure() -> None:
    measured = Line(
        "pull",
        "pull a blob",
        PER_BYTE,
        {
            "peer": [Sample(2.0, 600.0), Sample(3.0, 700.0), Sample(2.5, 678.4)],
            OURS: [Sample(0.5, 4100.0, 50.2)],
            WORKERS: [Sample(0.51, 6784.0, 90.0)],
        },
        Target(4, 12),
        {"broken": "answers 500"},
        Sample(0.1),
    )
    assert markdown([measured], ["absent", "broken", "peer", OURS, WORKERS]).splitlines()[2] == (
        "| pull a blob | CPU-s/GB | - | answers 500 | 2.50 (678 MB/s) | 0.500 (4,100 MB/s, 50 MiB) "
        "| 0.510 (6,784 MB/s, 90 MiB) | 0.100 | 5.00x (4x) met | 10.00x (12x) missed |"
    )


def test_the_files_of_a_run_hold_all_rows_that_were_measured_so_far(tmp_path: Path) -> None:
    results = Results(tmp_path, {"commit": "abc"}, ["peer", OURS])
    for title in ("one", "two"):
        results.add(Line(title, title, PER_BYTE, {"peer": [Sample(4.0)], OURS: [Sample(1.0)]}, Target(3)))
        counted = json.loads((tmp_path / f"{results.stem}.json").read_text())
        assert [one["name"] for one in counted["lines"]][-1] == title
        table = (tmp_path / f"{results.stem}.md").read_text()
        assert "commit: abc" in table
        assert f"| {title} |" in table
    assert "2 targets met, 0 missed" in table


def test_a_later_run_takes_the_place_of_the_rows_that_it_has_measured_again(tmp_path: Path) -> None:
    def write(stem: str, **costs: float) -> Path:
        results = Results(tmp_path, {"commit": stem}, ["peer", OURS], stem=stem)
        for name, cost in costs.items():
            samples = {"peer": [Sample(8.0, 2.0, 3.0, {"p99": 0.1})], OURS: [Sample(cost)]}
            results.add(Line(name, name, PER_BYTE, samples, floor=Sample(0.5)))
        return tmp_path / f"{stem}.json"

    both = merged([write("first", one=4.0, two=4.0), write("second", two=2.0, three=1.0)])
    assert [(each.name, each.cost_ratio) for each in both.lines] == [("one", 2.0), ("two", 4.0), ("three", 8.0)]
    assert both.about == {"commit": "second"}
    assert both.lines[0].floor == Sample(0.5)
    assert both.lines[0].samples["peer"] == [Sample(8.0, 2.0, 3.0, {"p99": 0.1})]
