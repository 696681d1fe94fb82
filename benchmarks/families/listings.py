"""Lists: tags, the catalog and referrers, short and very long ones."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench, Plan
from benchmarks.floors import BARE
from benchmarks.listings import tag_name
from benchmarks.loads import Load
from benchmarks.measure import MakeLoad, load_row
from benchmarks.row import PER_OPERATION, Row
from benchmarks.settings import Setting

__all__ = ["rows"]

_CLIENTS = 4
"""A page of the longest list takes a peer seconds, and each client gets one."""


def rows(plan: Plan) -> Iterator[Row]:
    """The middle folder first, then the one of the most."""
    middle, most = plan.scale.middle, plan.scale.most
    for count in middle.tags:
        yield _row(f"tags-{count}", f"tags, all {count:,}", "middle", _path(f"/v2/tagged/{count}/tags/list"))
    for count in middle.referrers:
        yield _referrers(f"referrers-{count}", "middle", count)
    yield from _catalog("middle", middle.repositories)
    tags = most.tags[0]
    base = f"/v2/tagged/{tags}/tags/list?n=100"
    yield _row("tags-most-first", f"tags, first 100 of {tags:,}", "most", _path(base))
    last = f"{base}&last={tag_name(tags - 100)}"
    yield _row("tags-most-last", f"tags, last 99 of {tags:,}", "most", _path(last))
    yield _referrers("referrers-most", "most", most.referrers[0])
    yield from _catalog("most", most.repositories)


def _catalog(store: str, count: int) -> Iterator[Row]:
    def last(bench: Bench) -> Load:
        return _ask(f"/v2/_catalog?n=100&last={bench.listings(store).before_last_page}")

    yield _row(f"catalog-{store}-first", f"catalog, first 100 of {count:,}", store, _path("/v2/_catalog?n=100"))
    yield _row(f"catalog-{store}-last", f"catalog, last 99 of {count:,}", store, last)


def _referrers(name: str, store: str, count: int) -> Row:
    def load(bench: Bench) -> Load:
        repository = f"referred/{count}"
        return _ask(f"/v2/{repository}/referrers/{bench.listings(store).subjects[repository]}")

    return _row(name, f"referrers, first page of {count:,}", store, load)


def _row(name: str, title: str, store: str, load: MakeLoad) -> Row:
    return load_row(f"list-{name}", title, PER_OPERATION, Setting(store), load, floor=BARE)


def _path(path: str) -> MakeLoad:
    return lambda _: _ask(path)


def _ask(path: str) -> Load:
    return Load("get", (path,), clients=_CLIENTS)
