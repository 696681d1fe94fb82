"""How much memory a server holds at rest, and how much more while slow clients pull and push large blobs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.loads import Load, finish
from benchmarks.peers import Peer
from benchmarks.servers import start_server
from benchmarks.store import MIB, Store, remove_repository

__all__ = ["MemorySample", "measure_memory"]

_CLIENTS = 32
_RATE = 8 * MIB
"""Bytes a second for each client."""
_SETTLE_SECONDS = 1.5
_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class MemorySample:
    """Resident MiB of one server, started for this."""

    rest: float
    peak: float


def measure_memory(peer: Peer, store: Store, root: Path, scratch: Path, size: int) -> MemorySample:
    """Start a server, let it rest, then let 32 clients pull and 32 push at a bounded rate at the same time."""
    server = start_server(peer, root, scratch)
    repository = f"pushed/slowly-{os.getpid()}"
    try:
        time.sleep(_SETTLE_SECONDS)
        rest = server.usage.rss_mib()
        server.usage.forget_peak()
        # Each client does one operation, the one whose size the store's blob for slow clients has.
        pull = Load(
            "get", (f"/v2/{store.repository}/blobs/{store.slow}",), clients=_CLIENTS, count=_CLIENTS, rate=_RATE
        )
        push = Load("push", clients=_CLIENTS, size=size, chunk=32 * 1024, count=_CLIENTS, rate=_RATE)
        loads = [load.start(server.address, False, _START_SECONDS, repository) for load in (push, pull)]
        for load in loads:
            finish(load)
        return MemorySample(rest, server.usage.peak_rss_mib())
    finally:
        server.stop()
        remove_repository(root, repository)
