"""Pulls of three sizes: by one client and by sixteen, plain and over TLS, whole and in ranges, from memory and disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.bench import Bench, Plan
from benchmarks.contents import Contents
from benchmarks.floors import NGINX
from benchmarks.loads import Load
from benchmarks.measure import load_row
from benchmarks.row import PER_BYTE, Row
from benchmarks.settings import Setting
from benchmarks.store import MIB, REPOSITORY, blob_path, size_text

__all__ = ["rows"]

_SLICE = 8 * MIB
_MANY = 16
_HOW = {"1": "", "16": ", 16 clients", "ranges": ", ranges of 8 MiB, 16 clients"}


def rows(plan: Plan) -> Iterator[Row]:
    """Names are `pull-<size>-<1, 16 or ranges>[-cold][-tls]`."""
    sizes = {"1m": MIB, "256m": plan.scale.contents.large_size, "1g": plan.scale.contents.huge_size}
    for tls in (False, True):
        for size, count in sizes.items():
            for how in ("1", "16", "ranges") if count > _SLICE else ("1", "16"):
                yield _row(size, count, how, tls)
    for size, how, tls in _COLD:
        yield _row(size, sizes[size], how, tls, cold=True)


# Of the gigabyte there is one blob, so sixteen at a time read sixteen smaller ones.
_COLD = (
    ("1m", "16", False),
    ("256m", "1", False),
    ("256m", "16", False),
    ("256m", "ranges", False),
    ("1g", "1", False),
    ("1g", "ranges", False),
    ("256m", "1", True),
    ("256m", "16", True),
    ("1g", "1", True),
    ("1g", "ranges", True),
)


def _row(size: str, count: int, how: str, tls: bool, cold: bool = False) -> Row:
    name = f"pull-{size}-{how}{'-cold' if cold else ''}{'-tls' if tls else ''}"
    title = f"pull {size_text(count)}{_HOW[how]}{', from disk' if cold else ''}{', TLS 1.3' if tls else ''}"
    clients = 1 if how == "1" else _MANY

    def digests(bench: Bench) -> Sequence[str]:
        found = _digests(bench.contents(), size)
        if cold and how == "16":
            return found
        # From memory, sixteen clients want the same large blob, as after a release, and a few small ones.
        return found[: _MANY if size == "1m" else 1]

    def load(bench: Bench) -> Load:
        paths = tuple(f"/v2/{REPOSITORY}/blobs/{digest}" for digest in digests(bench))
        slice_size = _SLICE if how == "ranges" else 0
        # From disk each byte is read once: what is in memory by then is another row's.
        once = len(paths) * (-(-count // _SLICE) if slice_size else 1) if cold else 0
        return Load("get", paths, clients, size=count, slice=slice_size, count=once, cut=not cold and clients > 1)

    def files(bench: Bench) -> Sequence[Path]:
        return [blob_path(bench.root("contents"), digest) for digest in digests(bench)]

    # nginx answers for whole files and ranges from the same folder.
    return load_row(name, title, PER_BYTE, Setting(tls=tls), load, cold=files if cold else None, floor=NGINX)


def _digests(contents: Contents, size: str) -> Sequence[str]:
    return {"1m": contents.small, "256m": contents.large, "1g": (contents.huge,)}[size]
