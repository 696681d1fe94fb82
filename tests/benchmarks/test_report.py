"""The arithmetic and the verdicts of the table."""

from __future__ import annotations

from benchmarks.report import Line, markdown


def line(costs: dict[str, list[float]], target: float | None = None, limit: float | None = None) -> Line:
    return Line("row", "a load", "CPU-s/1,000", costs, target=target, limit=limit)


def test_the_ratio_is_that_of_the_medians_and_an_outlier_does_not_move_it() -> None:
    assert line({"peer": [1.0, 4.0, 90.0], "us": [0.5, 1.0, 30.0]}).ratio("us") == 4.0


def test_the_ratio_is_against_the_better_peer() -> None:
    assert line({"slow": [9.0], "us": [1.0], "quick": [3.0]}).ratio("us") == 3.0


def test_there_is_no_ratio_without_a_peer_without_us_or_without_a_cost() -> None:
    assert line({"us": [1.0]}).ratio("us") is None
    assert line({"peer": [1.0]}).ratio("us") is None
    assert line({"peer": [1.0], "us": [0.0]}).ratio("us") is None


def test_a_target_is_met_at_exactly_its_ratio() -> None:
    costs = {"peer": [4.0], "us": [1.0]}
    assert line(costs, target=4).verdict("us") == "met"
    assert line(costs, target=4.1).verdict("us") == "missed"


def test_a_limit_is_missed_at_exactly_its_value_whatever_the_peers_need() -> None:
    costs = {"peer": [500.0], "us": [64.0]}
    assert line(costs, limit=64).verdict("us") == "missed"
    assert line(costs, limit=65).verdict("us") == "met"


def test_a_row_that_promises_nothing_or_that_we_did_not_run_has_no_verdict() -> None:
    assert line({"peer": [4.0], "us": [1.0]}).verdict("us") == ""
    assert line({"peer": [4.0]}, target=4).verdict("us") == ""
    assert line({"peer": [4.0]}, limit=64).verdict("us") == ""


def test_the_table_has_a_column_for_each_server_and_a_dash_for_what_was_not_measured() -> None:
    measured = Line(
        "pull",
        "pull a blob",
        "CPU-s/GB",
        {"peer": [2.0, 3.0, 2.5], "us": [0.5]},
        " MB/s",
        {"peer": [678.4], "us": [4100.0]},
        {"us": [50.2]},
        target=4,
    )
    assert markdown([measured], ["absent", "peer", "us"], "us").splitlines() == [
        "| load | unit | absent | peer | us | better peer ÷ ours | target |  |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| pull a blob | CPU-s/GB | - | 2.50 (678 MB/s) | 0.500 (4,100 MB/s, 50 MiB) | 5.00x | 4x | met |",
    ]
