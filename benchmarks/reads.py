"""What a collection costs those who read meanwhile: `python -m benchmarks.reads`."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.collection import Size, write_garbage
from benchmarks.loads import BUILD, Load, LoadReport, compile_load
from benchmarks.machine import facts
from benchmarks.peers import Peer, ours
from benchmarks.servers import start_server

_CLIENTS = 4
# A graced store is walked each time, and nothing goes.
_SECTION = "txregistry:\n  collection: {{enabled: {}, interval: 1s, grace: 24h}}\n"


def _server(collects: bool) -> Peer:
    return replace(ours(), more=_SECTION.format("true" if collects else "false"))


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reads", description=__doc__)
    parser.add_argument("--blobs", type=int, default=20_000, help="in the store that is collected")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="length of a sample")
    parser.add_argument("--folder", type=Path, default=BUILD, help="where the store goes: the disk to measure")
    arguments = parser.parse_args()
    compile_load()
    scratch = Path(tempfile.mkdtemp(prefix="reads-", dir=arguments.folder))
    reports: dict[str, list[LoadReport]] = {"idle": [], "collections back to back": []}
    try:
        root = scratch / "store"
        size = Size(arguments.blobs, arguments.blobs // 10, arguments.blobs // 100)
        write_garbage(root, size)
        paths = tuple(f"/v2/team-{n % 40:02}/service-{n:05}/manifests/v0" for n in range(min(100, size.repositories)))
        for _ in range(arguments.rounds):
            for name, measured in reports.items():
                server = start_server(_server(name != "idle"), root, scratch)
                try:
                    load = Load("get", paths, clients=_CLIENTS)
                    measured.append(load.run(server, arguments.seconds))
                finally:
                    server.stop()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(facts(arguments.folder), "\n")
    print("| manifest GET by 4 clients beside | p50 ms | p99 ms | requests/s |\n| --- | --- | --- | --- |")
    for name, measured in reports.items():
        p50, p99 = (median(getattr(report, kind) for report in measured) * 1000 for kind in ("p50", "p99"))
        rate = median(report.operations / report.seconds for report in measured)
        print(f"| {name} | {p50:.2f} | {p99:.2f} | {rate:,.0f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
