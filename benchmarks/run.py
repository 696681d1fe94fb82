"""One run from the folders to the lines of the table: writes the stores, starts the servers, measures row by row."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.loads import LoadFailed
from benchmarks.measure import Place, Sample, measure_row
from benchmarks.memory import MemorySample, measure_memory
from benchmarks.peers import Peer
from benchmarks.report import Line
from benchmarks.rows import Row, rows
from benchmarks.servers import Certificate, ServerFailed, make_certificate, start_server
from benchmarks.store import Scale, Store, write_store

__all__ = ["MEMORY_ROWS", "Bench", "Plan"]

MEMORY_ROWS = ("memory-rest", "memory-slow")
_GROWTH_LIMIT_MIB = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    scale: Scale
    rounds: int
    seconds: float
    wanted: Callable[[str], bool]


@dataclass(slots=True)
class Bench:
    """Servers over copies of one folder on one disk."""

    plan: Plan
    peers: Sequence[Peer]
    scratch: Path
    _places: dict[tuple[str, bool], Place | None] = field(default_factory=dict)
    _store: Store | None = None
    _certificate: Certificate | None = None

    def lines(self) -> Iterator[Line]:
        """Measure; a line as soon as its row is done."""
        store = self.store()
        if any(map(self.plan.wanted, MEMORY_ROWS)):
            yield from self._memory_lines(store)
        for row in rows(store, self.plan.scale.large_size, self.plan.seconds):
            if self.plan.wanted(row.name):
                places = [place for peer in self.peers if (place := self.place(peer, row.tls))]
                yield _line(row, measure_row(row, places, self.plan.rounds, self.plan.seconds))

    def store(self) -> Store:
        """What is in the folders; the first call writes them."""
        if self._store is None:
            for peer in self.peers:
                self._store = write_store(self._root(peer), self.plan.scale)
            assert self._store is not None, "there is at least one server"
        return self._store

    def place(self, peer: Peer, tls: bool) -> Place | None:
        """The running server, started at the first call; None, said on stderr once, if it does not run."""
        if (peer.name, tls) not in self._places:
            self._places[peer.name, tls] = self._start(peer, tls)
        return self._places[peer.name, tls]

    def stop(self) -> None:
        """Stop what was started."""
        while self._places:
            if place := self._places.popitem()[1]:
                place.server.stop()

    def _start(self, peer: Peer, tls: bool) -> Place | None:
        if tls and not peer.speaks_tls:
            return None
        try:
            server = start_server(peer, self._root(peer), self.scratch, self._tls() if tls else None)
        except ServerFailed as failure:
            print(f"{peer.name} does not start: {failure.args[1]}", file=sys.stderr)
            return None
        return Place(server, self._root(peer))

    def _memory_lines(self, store: Store) -> Iterator[Line]:
        samples: dict[str, MemorySample] = {}
        for peer in self.peers:
            try:
                samples[peer.name] = measure_memory(
                    peer, store, self._root(peer), self.scratch, self.plan.scale.slow_size
                )
            except (ServerFailed, LoadFailed) as failure:
                print(f"memory: {peer.name}: {failure}", file=sys.stderr)
        rest, slow = MEMORY_ROWS
        if self.plan.wanted(rest):
            yield Line(rest, "memory at rest", "MiB", {name: [sample.rest] for name, sample in samples.items()})
        if self.plan.wanted(slow):
            grown = {name: [sample.peak - sample.rest] for name, sample in samples.items()}
            title = "growth under 32 slow pulls and 32 slow pushes"
            yield Line(slow, title, "MiB", grown, limit=_GROWTH_LIMIT_MIB)

    def _root(self, peer: Peer) -> Path:
        return self.scratch / f"store-{peer.name.replace(' ', '-')}"

    def _tls(self) -> Certificate:
        if self._certificate is None:
            self._certificate = make_certificate(self.scratch)
        return self._certificate


@contextmanager
def running(bench: Bench) -> Iterator[Bench]:
    """Stop the servers whatever happens."""
    try:
        yield bench
    finally:
        bench.stop()


def _line(row: Row, samples: dict[str, list[Sample]]) -> Line:
    return Line(
        row.name,
        row.title,
        "CPU-s/GB" if row.per_byte else "CPU-s/1,000",
        {name: [sample.cost(row.per_byte) for sample in taken] for name, taken in samples.items()},
        " MB/s" if row.per_byte else "/s",
        {name: [sample.rate(row.per_byte) for sample in taken] for name, taken in samples.items()},
        {name: [sample.peak_rss_mib for sample in taken] for name, taken in samples.items()},
        samples,
        row.target,
    )
