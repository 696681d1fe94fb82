"""`docker push` and `docker pull` of an image of twenty layers, from one end to the other."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import suppress

from benchmarks.bench import Bench
from benchmarks.dockerd import Docker, DockerFailed, image_archive
from benchmarks.peers import Peer
from benchmarks.row import Measure, Row, Sample, Unit
from benchmarks.servers import Server
from benchmarks.settings import Setting
from benchmarks.store import MIB, remove_repository, size_text

__all__ = ["rows"]

_LAYERS = 20
_SIZE = 2 * MIB
_UNIT = Unit("CPU-s/image", " MB/s")
_numbers = itertools.count()


def rows() -> Iterator[Row]:
    """The rate is what a user sees, and mostly docker's own doing."""
    title = f"of {_LAYERS} layers of {size_text(_SIZE)}"
    yield Row("docker-push", f"`docker push` {title}", _UNIT, _measuring("push"))
    yield Row("docker-pull", f"`docker pull` {title}", _UNIT, _measuring("pull"))


def _measuring(measured: str) -> Measure:
    def measure(bench: Bench, peer: Peer, turn: int) -> Sample:
        docker, place = bench.docker(), bench.place(peer, Setting())
        # An image that nobody has: docker remembers where it has pushed a layer to.
        repository = f"pushed/image-{os.getpid()}-{next(_numbers)}"
        reference = f"{place.server.address}/{repository}:latest"
        try:
            docker.run("load", "--quiet", archive=image_archive(reference, _LAYERS, _SIZE))
            samples = {}
            for verb in ("push", "pull"):
                samples[verb] = _timed(docker, verb, reference, place.server)
                docker.run("rmi", reference)
            return samples[measured]
        finally:
            with suppress(DockerFailed):
                docker.run("rmi", reference)
            remove_repository(place.root, repository)

    return measure


def _timed(docker: Docker, verb: str, reference: str, server: Server) -> Sample:
    usage = server.usage
    os.sync()  # what docker and the last server have left to write
    usage.forget_peak()
    before, began = usage.cpu_seconds(), time.monotonic()
    docker.run(verb, "--quiet", reference)
    seconds, cpu = time.monotonic() - began, usage.cpu_seconds() - before
    return Sample(cpu, _LAYERS * _SIZE / 1e6 / seconds, usage.peak_rss_mib(), {"seconds": seconds})
