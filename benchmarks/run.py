"""Measures a row on all servers in turn, round after round, so that a slow minute of the machine hits all alike."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from benchmarks.bench import Bench
from benchmarks.loads import LoadFailed
from benchmarks.peers import Peer
from benchmarks.report import Line
from benchmarks.row import Row, Sample
from benchmarks.servers import Server, ServerFailed
from benchmarks.targets import target_of

__all__ = ["measured", "measured_row"]


def measured(bench: Bench, peers: Sequence[Peer], rows: Sequence[Row], all_floors: bool) -> Iterator[Line]:
    """A line as soon as its row is done; its floor is measured too where it missed its target."""
    for row in rows:
        line = measured_row(bench, peers, row)
        if row.floor and (all_floors or line.missed):
            try:
                line = line.with_floor(row.floor(bench))
            except Exception as failure:
                print(f"{row.name}: the floor: {failure}", file=sys.stderr)
        yield line


def measured_row(bench: Bench, peers: Sequence[Peer], row: Row) -> Line:
    """Samples of all servers; one that fails is left out of the row from then on, and the line says why."""
    samples: dict[str, list[Sample]] = {peer.name: [] for peer in peers}
    failures: dict[str, str] = {}
    rounds = bench.plan.rounds
    for turn in range(rounds if row.rounds is None else min(rounds, row.rounds)):
        for peer in peers:
            if peer.name in failures:
                continue
            try:
                samples[peer.name].append(row.measure(bench, peer, turn))
            # Whatever goes wrong with one server must not end an hour of measuring all of them.
            except Exception as failure:
                print(f"{row.name}: {peer.name}: {type(failure).__name__}: {failure}", file=sys.stderr)
                failures[peer.name] = _in_short(failure, bench.running(peer))
                bench.forget(peer)
    taken = {name: some for name, some in samples.items() if some and name not in failures}
    return Line(row.name, row.title, row.unit, taken, target_of(row.name), failures)


def _in_short(failure: Exception, server: Server | None) -> str:
    """What fits into a cell: the status of an unexpected answer, or what kind of failure it was."""
    if server and server.process.poll() is not None:
        return "died"
    if isinstance(failure, ServerFailed):
        return "does not start"
    words = str(failure).split()
    if isinstance(failure, LoadFailed) and "status" in words and words[words.index("status") + 1] != "0":
        return f"answers {words[words.index('status') + 1]}"
    return f"failed: {type(failure).__name__}"
