"""A run goes on whatever one server does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.bench import FULL, Bench, Plan
from benchmarks.loads import LoadFailed
from benchmarks.peers import OURS, WORKERS, Peer
from benchmarks.row import PER_OPERATION, Row, Sample
from benchmarks.run import measured, measured_row
from benchmarks.servers import ServerFailed
from benchmarks.settings import Setting

PEERS = [Peer("first", ()), Peer("second", ())]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Plan(FULL, rounds=3, seconds=1), tmp_path, tmp_path)


def row(measure: Callable[[Bench, Peer, int], Sample], rounds: int | None = None) -> Row:
    return Row("small-x", "x", PER_OPERATION, measure, lambda _: Sample(0.1), rounds)


def test_servers_are_measured_in_turn_round_after_round(bench: Bench) -> None:
    order: list[tuple[str, int]] = []

    def measure(_: Bench, peer: Peer, turn: int) -> Sample:
        order.append((peer.name, turn))
        return Sample(1.0)

    measured_row(bench, PEERS, row(measure))
    assert order == [(name, turn) for turn in range(3) for name in ("first", "second")]
    order.clear()
    measured_row(bench, PEERS, row(measure, rounds=1))
    assert order == [("first", 0), ("second", 0)]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (LoadFailed("unexpected answer in step 0: status 404"), "answers 404"),
        (LoadFailed("connection lost while sending in step 1: status 0 /x"), "failed: LoadFailed"),
        (ServerFailed("first", "no such option"), "does not start"),
        (ZeroDivisionError(), "failed: ZeroDivisionError"),
    ],
)
def test_a_server_that_fails_is_left_out_and_the_cell_says_why(bench: Bench, failure: Exception, told: str) -> None:
    asked: list[str] = []

    def measure(_: Bench, peer: Peer, turn: int) -> Sample:
        asked.append(peer.name)
        if peer.name == "first" and turn == 1:
            raise failure
        return Sample(1.0)

    line = measured_row(bench, PEERS, row(measure))
    assert asked.count("first") == 2
    assert line.failures == {"first": told}
    assert {name: len(samples) for name, samples in line.samples.items()} == {"second": 3}


def test_the_floor_is_measured_where_a_target_was_missed_or_everywhere(bench: Bench) -> None:
    def measure(_: Bench, peer: Peer, turn: int) -> Sample:
        return Sample({OURS: ours, WORKERS: ours}.get(peer.name, 10.0), 1.0)

    servers = [PEERS[0], Peer(OURS, ())]
    ours = 10.0
    (missed,) = measured(bench, servers, [row(measure)], all_floors=False)
    assert missed.missed
    assert missed.floor == Sample(0.1)
    ours = 1.0
    (met,) = measured(bench, servers, [row(measure)], all_floors=False)
    assert met.floor is None
    (asked_for,) = measured(bench, servers, [row(measure)], all_floors=True)
    assert asked_for.floor == Sample(0.1)


def test_a_floor_that_cannot_be_measured_leaves_the_line(bench: Bench) -> None:
    def fail(_: Bench) -> Sample:
        raise OSError("no nginx")

    broken = Row("small-x", "x", PER_OPERATION, lambda *_: Sample(1.0), fail)
    (line,) = measured(bench, PEERS, [broken], all_floors=True)
    assert line.floor is None
    assert len(line.samples) == 2


MORTAL = """
import http.server, sys

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

open(sys.argv[2], "a").write("started ")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()
"""


@pytest.mark.live
def test_a_server_that_has_died_is_noticed_and_started_anew_for_the_next_row(bench: Bench, tmp_path: Path) -> None:
    program, log = tmp_path / "mortal.py", tmp_path / "log"
    program.write_text(MORTAL)
    peer = Peer("mortal", (sys.executable, str(program), "{port}", str(log)))

    def kill(bench: Bench, peer: Peer, turn: int) -> Sample:
        process = bench.place(peer, Setting("empty")).server.process
        process.kill()
        process.wait()
        raise LoadFailed("connect: Connection refused")

    def live(bench: Bench, peer: Peer, turn: int) -> Sample:
        assert bench.place(peer, Setting("empty")).server.process.poll() is None
        return Sample(1.0)

    try:
        assert measured_row(bench, [peer], row(kill)).failures == {"mortal": "died"}
        assert measured_row(bench, [peer], row(live)).failures == {}
    finally:
        bench.close()
    assert log.read_text() == "started started "
