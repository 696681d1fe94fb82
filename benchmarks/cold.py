"""What downloads from a slow disk cost those who want what is in memory: `python -m benchmarks.cold`, as root."""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.loads import BUILD, Load, LoadReport, compile_load
from benchmarks.machine import facts
from benchmarks.peers import Peer, ours, parse_peer
from benchmarks.servers import Server, start_server
from benchmarks.settings import Certificate
from benchmarks.sign_in import make_pair
from benchmarks.slowdisk import SlowDisk, SlowDiskUnavailable, evict, slow_disk
from benchmarks.store import MIB, REPOSITORY, StoreWriter, blob_path

_CLIENTS = 4
_MANIFESTS = 20
_SMALL_BLOBS = 16
_SMALL_SIZE = 20_000
_WARM_SECONDS = 0.5
_PING_SECONDS = 0.002


@dataclass(slots=True)
class Sample:
    """What those clients saw, and the longest that a single `/v2/` took, which needs no disk at all."""

    report: LoadReport
    longest: float


@dataclass(slots=True)
class Samples:
    """Of one server, before and during the downloads."""

    alone: list[Sample] = field(default_factory=list)
    beside: list[Sample] = field(default_factory=list)


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__)
    parser.add_argument("--files", type=int, default=16, help="that are downloaded at the same time")
    parser.add_argument("--size", type=int, default=64, help="MiB of each")
    parser.add_argument("--rate", type=float, default=40, help="MB that the disk reads a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="length of a sample")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--peer", type=parse_peer, action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--folder", type=Path, default=BUILD, help="where the disk's image goes")
    arguments = parser.parse_args()
    compile_load()
    scratch = Path(tempfile.mkdtemp(prefix="cold-", dir=arguments.folder))
    try:
        with slow_disk(scratch, (arguments.files * arguments.size + 256) * MIB) as disk:
            measured = _measure(disk, scratch, [*arguments.peer, ours()], arguments)
    except SlowDiskUnavailable as failure:
        print(f"there is no slow disk to measure: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(facts(arguments.folder), "\n")
    print("| manifests and small blobs by 4 clients | p50 ms | p99 ms | requests/s | longest `/v2/` ms |")
    print("| --- | --- | --- | --- | --- |")
    for name, samples in measured.items():
        _print(f"{name} alone", samples.alone)
        _print(f"{name} beside {arguments.files} cold downloads", samples.beside)
    return 0


def _measure(disk: SlowDisk, scratch: Path, peers: list[Peer], arguments: argparse.Namespace) -> dict[str, Samples]:
    root = disk.root / "store"
    writer = StoreWriter(root)
    base = f"/v2/{REPOSITORY}"
    large = [writer.layer(REPOSITORY, os.urandom(arguments.size * MIB)) for _ in range(arguments.files)]
    small = [writer.layer(REPOSITORY, os.urandom(_SMALL_SIZE)) for _ in range(_SMALL_BLOBS)]
    for number in range(_MANIFESTS):
        writer.push(REPOSITORY, f"v{number}", b'{"schemaVersion": 2, "number": %d}' % number)
    paths = [f"{base}/manifests/v{number}" for number in range(_MANIFESTS)]
    quick = Load("get", (*paths, *(f"{base}/blobs/{digest}" for digest in small)), _CLIENTS)
    slow = Load("get", tuple(f"{base}/blobs/{digest}" for digest in large), len(large), cut=True)
    certificate = Certificate(*make_pair(scratch, "server")) if arguments.tls else None
    measured = {peer.name: Samples() for peer in peers}
    for _ in range(arguments.rounds):
        for peer in peers:
            for digest in large:
                evict(blob_path(root, digest))
            server = start_server(peer, root, scratch, certificate)
            try:
                quick.run(server, _WARM_SECONDS)
                measured[peer.name].alone.append(_sample(server, quick, arguments.seconds))
                disk.hold_up(server.process.pid, int(arguments.rate * 1e6))
                downloads = slow.start(server.address, server.tls, arguments.seconds + 1, "")
                try:
                    measured[peer.name].beside.append(_sample(server, quick, arguments.seconds))
                finally:
                    downloads.kill()
                    downloads.communicate()
            finally:
                disk.hold_up(server.process.pid, 0)
                server.stop()
    return measured


def _sample(server: Server, load: Load, seconds: float) -> Sample:
    with _pings(server) as times:
        report = load.run(server, seconds)
    return Sample(report, max(times))


@contextmanager
def _pings(server: Server) -> Iterator[list[float]]:
    """Ask for `/v2/` again and again, and note how long each answer took."""
    times: list[float] = []
    over = threading.Event()

    def ping() -> None:
        connection = http.client.HTTPConnection(server.address)
        if server.tls:
            connection = http.client.HTTPSConnection(server.address, context=ssl._create_unverified_context())
        while not over.wait(_PING_SECONDS):
            began = time.monotonic()
            connection.request("GET", "/v2/")
            connection.getresponse().read()
            times.append(time.monotonic() - began)
        connection.close()

    thread = threading.Thread(target=ping)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join()


def _print(name: str, samples: list[Sample]) -> None:
    reports = [sample.report for sample in samples]
    p50, p99 = (median(getattr(report, kind) for report in reports) * 1000 for kind in ("p50", "p99"))
    rate = median(report.operations / report.seconds for report in reports)
    longest = max(sample.longest for sample in samples) * 1000
    print(f"| {name} | {p50:.2f} | {p99:.2f} | {rate:,.0f} | {longest:.0f} |")


if __name__ == "__main__":
    raise SystemExit(main())
