"""Pushes: large blobs as docker and containerd send them, and very many small ones, each stored durably."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Plan
from benchmarks.floors.writing import writing
from benchmarks.loads import Load
from benchmarks.measure import load_row
from benchmarks.row import PER_BYTE, PER_OPERATION, Row
from benchmarks.settings import Setting
from benchmarks.store import KIB, MIB, size_text

__all__ = ["rows"]

_DOCKER_CHUNK = 32 * KIB
"""What Go's client sends when a body comes from a reader of unknown length."""
_MANY = 16
_MOST_SMALL = 1000
_LONGER = 3
"""So that there is time for all of them."""
_SMALL = (("1k", KIB), ("16k", 16 * KIB), ("256k", 256 * KIB), ("1m", MIB))


def rows(plan: Plan) -> Iterator[Row]:
    """Names are `push-<size>[-chunked or -sized]-<clients>[-tls]`."""
    for name, size in _SMALL:
        yield _small(name, size)
    contents = plan.scale.contents
    for tls in (False, True):
        for name, size in (("256m", contents.large_size), ("1g", contents.huge_size)):
            for clients in (1, _MANY):
                for chunk in (_DOCKER_CHUNK, 0):
                    yield _large(name, size, clients, chunk, tls)


def _small(name: str, size: int) -> Row:
    title = f"push {size_text(size)}, {_MANY} clients"
    load = Load("push", clients=_MANY, size=size, chunk=_DOCKER_CHUNK, count=_MOST_SMALL)
    floor = writing(PER_OPERATION, size, _MANY, _MOST_SMALL)
    return load_row(
        f"push-{name}-{_MANY}", title, PER_OPERATION, Setting(), lambda _: load, longer=_LONGER, floor=floor
    )


def _large(name: str, size: int, clients: int, chunk: int, tls: bool) -> Row:
    whole = f"push {size_text(size)} {'in chunks' if chunk else 'with a length'}"
    title = f"{whole}{f', {clients} clients' if clients > 1 else ''}{', TLS 1.3' if tls else ''}"
    count = clients if clients > 1 or name == "1g" else 2
    load = Load("push", clients=clients, size=size, chunk=chunk, count=count)
    return load_row(
        f"push-{name}-{'chunked' if chunk else 'sized'}-{clients}{'-tls' if tls else ''}",
        title,
        PER_BYTE,
        Setting(tls=tls),
        lambda _: load,
        floor=writing(PER_BYTE, size, clients, count),
        rounds=1 if clients > 1 else None,
        thorough=name == "1g" and (clients > 1 or (tls and not chunk)),
    )
