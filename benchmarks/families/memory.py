"""Memory at rest, and how much more while slow clients pull and push; every other row tells its peak."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from benchmarks.bench import Bench, Place, Plan
from benchmarks.loads import Load, finish
from benchmarks.peers import Peer
from benchmarks.row import MEMORY, Row, Sample
from benchmarks.settings import Setting
from benchmarks.store import MIB, REPOSITORY, remove_repository

__all__ = ["rows"]

_CLIENTS = 32
_RATE = 8 * MIB
"""Bytes a second for each client."""
_SETTLE_SECONDS = 1.5
_START_SECONDS = 30


def rows(plan: Plan) -> Iterator[Row]:
    """Each is measured on servers that were started for it."""
    yield Row("memory-rest", "memory at rest", MEMORY, _at_rest)
    title = f"growth under {_CLIENTS} slow pulls and {_CLIENTS} slow pushes"
    size = plan.scale.contents.slow_size
    yield Row("memory-slow", title, MEMORY, lambda bench, peer, _: _under_slow_clients(bench, peer, size), rounds=1)


def _at_rest(bench: Bench, peer: Peer, turn: int) -> Sample:
    with bench.alone(peer, Setting()) as place:
        time.sleep(_SETTLE_SECONDS)
        return Sample(place.server.usage.rss_mib())


def _under_slow_clients(bench: Bench, peer: Peer, size: int) -> Sample:
    with bench.alone(peer, Setting()) as place:
        time.sleep(_SETTLE_SECONDS)
        usage = place.server.usage
        rest = usage.rss_mib()
        usage.forget_peak()
        _pull_and_push(place, bench.contents().slow, size)
        peak = usage.peak_rss_mib()
    return Sample(peak - rest, details={"rest": rest, "peak": peak})


def _pull_and_push(place: Place, blob: str, size: int) -> None:
    """Each client does one operation; the blob that is pulled has the size of what is pushed."""
    repository = f"pushed/slowly-{os.getpid()}"
    pull = Load("get", (f"/v2/{REPOSITORY}/blobs/{blob}",), clients=_CLIENTS, count=_CLIENTS, rate=_RATE)
    push = Load("push", clients=_CLIENTS, size=size, chunk=32 * 1024, count=_CLIENTS, rate=_RATE)
    try:
        loads = [load.start(place.server.address, False, _START_SECONDS, repository) for load in (push, pull)]
        for load in loads:
            finish(load)
    finally:
        remove_repository(place.root, repository)
