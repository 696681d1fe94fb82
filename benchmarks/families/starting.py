"""How soon a server answers after it was started, with nothing in its folder and with very much."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.peers import Peer
from benchmarks.row import SECONDS, Measure, Row, Sample
from benchmarks.settings import Setting

__all__ = ["rows"]


def rows() -> Iterator[Row]:
    """No other server runs meanwhile."""
    yield Row("start-empty", "start to first answer, empty folder", SECONDS, _starting(Setting("empty")))
    yield Row("start-most", "start to first answer, large folder", SECONDS, _starting(Setting("most")))


def _starting(setting: Setting) -> Measure:
    def measure(bench: Bench, peer: Peer, turn: int) -> Sample:
        bench.root(setting.store)  # not while the clock runs
        with bench.alone(peer, setting) as place:
            usage = place.server.usage
            return Sample(place.server.seconds, details={"cpu_seconds": usage.cpu_seconds(), "rss": usage.rss_mib()})

    return measure
