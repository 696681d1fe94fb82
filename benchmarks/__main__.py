"""The command: `python -m benchmarks`, with what to measure and against whom."""

from __future__ import annotations

import argparse
import json
import pstats
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.loads import BUILD, compile_load
from benchmarks.machine import facts
from benchmarks.measure import measure_once
from benchmarks.peers import OURS, Peer, ours, parse_peer, peers
from benchmarks.report import Line, markdown
from benchmarks.rows import rows
from benchmarks.run import Bench, Plan, running
from benchmarks.store import MIB, Scale

_RESULTS = Path(__file__).parent / "results"
_QUICK = Scale(tags=200, repositories=200, large_size=64 * MIB)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure txregistry beside its peers.")
    parser.add_argument("--only", action="append", metavar="ROW", help="rows to measure; * and ? as in a shell")
    parser.add_argument("--rounds", type=int, default=3, help="samples per row and server, in turn (3)")
    parser.add_argument("--seconds", type=float, default=5, help="length of a sample (5)")
    parser.add_argument("--quick", action="store_true", help="a small store, one round of one second")
    parser.add_argument("--full", action="store_true", help="slow clients move 1 GiB each instead of 48 MiB")
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
    patterns = arguments.only or ["*"]
    scale = _QUICK if arguments.quick else Scale()
    if arguments.full:
        scale = replace(scale, slow_size=1024 * MIB)
    plan = Plan(
        scale=scale,
        rounds=1 if arguments.quick else arguments.rounds,
        seconds=1 if arguments.quick else arguments.seconds,
        wanted=lambda name: any(fnmatch(name, pattern) for pattern in patterns),
    )
    compile_load()
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=arguments.folder))
    try:
        if arguments.profile:
            return _profile(arguments.profile, plan, scratch)
        chosen = [
            peer
            for peer in (*peers(), ours(), *arguments.peer)
            if not any(fnmatch(peer.name, pattern) for pattern in arguments.without)
        ]
        return _measure(plan, chosen, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _measure(plan: Plan, chosen: Sequence[Peer], scratch: Path) -> int:
    where = facts(scratch)
    lines: list[Line] = []
    with running(Bench(plan, chosen, scratch)) as bench:
        for line in bench.lines():
            lines.append(line)
            # A line at once: the whole takes a quarter of an hour.
            print(markdown([line], [peer.name for peer in chosen], OURS).splitlines()[-1], file=sys.stderr)
    _RESULTS.mkdir(exist_ok=True)
    result = {
        "machine": where,
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "lines": [asdict(line) for line in lines],
    }
    (_RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json").write_text(json.dumps(result, indent=1))
    print("\n".join(f"{name}: {value}" for name, value in where.items()))
    print(f"rounds: {plan.rounds} of {plan.seconds:g} s\n")
    print(markdown(lines, [peer.name for peer in chosen], OURS))
    return int(any(line.verdict(OURS) == "missed" for line in lines))


def _profile(name: str, plan: Plan, scratch: Path) -> int:
    _RESULTS.mkdir(exist_ok=True)
    statistics = _RESULTS / f"{name}.prof"
    peer = ours(statistics)
    with running(Bench(plan, [peer], scratch)) as bench:
        row = next((row for row in rows(bench.store(), plan.scale.large_size, plan.seconds) if row.name == name), None)
        if row is None:
            print(f"no such row: {name}", file=sys.stderr)
            return 2
        place = bench.place(peer, row.tls)
        if place is None:
            return 2
        sample = measure_once(place, row, plan.seconds)
        threads = place.server.usage.thread_seconds()
    print(f"{sample.report}\nserver: {sample.cpu_seconds:.2f} CPU-s, the profiler's own included")
    print("user and system seconds since the start, by thread:", ", ".join(f"{u:.2f}+{s:.2f}" for u, s in threads))
    pstats.Stats(str(statistics)).sort_stats("tottime").print_stats(35)
    return 0


if __name__ == "__main__":
    sys.exit(main())
