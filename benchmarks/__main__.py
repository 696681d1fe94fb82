"""The command: `python -m benchmarks`, with what to measure and against whom."""

from __future__ import annotations

import argparse
import pstats
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.bench import FULL, QUICK, Bench, Plan
from benchmarks.families import all_rows
from benchmarks.loads import BUILD, compile_load
from benchmarks.machine import facts
from benchmarks.peers import Peer, ours, parse_peer, peers, with_workers
from benchmarks.plot import draw
from benchmarks.report import markdown
from benchmarks.results import Results
from benchmarks.row import Row
from benchmarks.run import measured

_RESULTS = Path(__file__).parent / "results"
_PROFILE_SECONDS = 5
"""So that the start is a small part of it."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure txregistry beside its peers.")
    parser.add_argument("--only", action="append", metavar="ROW", help="rows to measure; * and ? as in a shell")
    parser.add_argument("--list", action="store_true", help="tell the rows' names, and measure nothing")
    parser.add_argument("--rounds", type=int, help="samples per row and server, in turn (3)")
    parser.add_argument("--seconds", type=float, help="length of a sample (1)")
    parser.add_argument(
        "--quick", action="store_true", help="small folders, and unless told otherwise one round of 0.2 s"
    )
    parser.add_argument("--full", action="store_true", help="the rows too that move 16 GiB at once")
    parser.add_argument("--floors", action="store_true", help="measure all rows with no registry, not only missed ones")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        type=parse_peer,
        metavar="NAME=COMMAND",
        help="one more registry; {config}, {port}, {root}, {certificate}, {key} are filled in",
    )
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave out servers; * and ?")
    parser.add_argument("--folder", type=Path, default=BUILD, help="where the stores go: the disk to measure")
    parser.add_argument("--profile", metavar="ROW", help="run one row on our server alone, under cProfile")
    return parser.parse_args()


def main() -> int:
    """Measure and print; 1 when a target was missed."""
    arguments = _arguments()
    plan = _plan(arguments)
    patterns = [arguments.profile] if arguments.profile else arguments.only
    rows = _chosen(all_rows(plan), patterns, arguments.full)
    if arguments.list or not rows:
        print("\n".join(f"{row.name:32} {row.title}" for row in rows or all_rows(plan)))
        return 0 if arguments.list else 2
    compile_load()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=arguments.folder))
    bench = Bench(plan, arguments.folder / "stores", scratch)
    # As Ctrl-C: servers are stopped, and there is a table of what was measured.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if arguments.profile:
            return _profile(rows[0], bench)
        found = (*peers(), ours(), with_workers(), *arguments.peer)
        chosen = [peer for peer in found if not any(fnmatch(peer.name, pattern) for pattern in arguments.without)]
        return _measure(rows, chosen, bench, arguments.floors)
    finally:
        bench.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _plan(arguments: argparse.Namespace) -> Plan:
    rounds, seconds = (1, 0.2) if arguments.quick else (3, 1)
    if arguments.profile:
        seconds = _PROFILE_SECONDS
    return Plan(QUICK if arguments.quick else FULL, arguments.rounds or rounds, arguments.seconds or seconds)


def _chosen(rows: Sequence[Row], patterns: Sequence[str] | None, full: bool) -> list[Row]:
    """A row that takes very long has to be meant."""
    if patterns is None:
        return [row for row in rows if full or not row.thorough]
    return [
        row
        for row in rows
        if row.name in patterns
        or ((full or not row.thorough) and any(fnmatch(row.name, pattern) for pattern in patterns))
    ]


def _measure(rows: Sequence[Row], chosen: Sequence[Peer], bench: Bench, all_floors: bool) -> int:
    plan, names = bench.plan, [peer.name for peer in chosen]
    about = {**facts(bench.scratch), "rounds": f"{plan.rounds} of {plan.seconds:g} s"}
    results = Results(_RESULTS, about, names)
    try:
        for line in measured(bench, chosen, rows, all_floors):
            results.add(line)
            # A line at once: the whole takes half an hour.
            print(markdown([line], names).splitlines()[-1], file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    print(results.text())
    try:
        draw(results.lines, results.plot)
        print(f"plot: {results.plot}")
    except ImportError:
        print("no plot: there is no matplotlib here (pip install matplotlib)")
    return int(any(line.missed for line in results.lines) or len(results.lines) < len(rows))


def _profile(row: Row, bench: Bench) -> int:
    _RESULTS.mkdir(exist_ok=True)
    statistics = _RESULTS / f"{row.name}.prof"
    peer = ours(statistics)
    sample = row.measure(bench, peer, 0)
    threads = server.usage.thread_seconds() if (server := bench.running(peer)) else []
    bench.close()  # the statistics are written at its end
    print(f"{sample}\nthe profiler's own time is included")
    print("user and system seconds since the start, by thread:", ", ".join(f"{u:.2f}+{s:.2f}" for u, s in threads))
    pstats.Stats(str(statistics)).sort_stats("tottime").print_stats(35)
    return 0


if __name__ == "__main__":
    sys.exit(main())
