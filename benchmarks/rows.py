"""The loads that are measured, each with its unit and what it has to reach."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.loads import Load
from benchmarks.store import MIB, Store

__all__ = ["Row", "rows"]

_DOCKER_CHUNK = 32 * 1024
"""What Go's client sends when a body comes from a reader of unknown length."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    title: str
    load: Load
    per_byte: bool = False
    """Cost per GB (10**9 bytes), rate in MB/s; otherwise cost per 1,000 operations, rate in operations a second."""
    target: float | None = None
    """How many times less processor time than the better peer; None where nothing is promised."""
    tls: bool = False


def rows(store: Store, large_size: int, seconds: float) -> list[Row]:
    """All rows, for loads that last about so many seconds."""
    base = f"/v2/{store.repository}"
    by_tag = tuple(f"{base}/manifests/{tag}" for tag in store.tags[:: max(1, len(store.tags) // 16)])
    by_digest = (f"{base}/manifests/{store.manifest}",)
    small = tuple(f"{base}/blobs/{digest}" for digest in store.small)
    large = (f"{base}/blobs/{store.large}",)
    middle = store.tags[-100]
    late = store.repositories[-100]

    def many(verb: str, *paths: str) -> Load:
        return Load(verb, paths, clients=16)

    def push(size: int, clients: int, count: int, chunk: int = _DOCKER_CHUNK) -> Load:
        return Load("push", clients=clients, size=size, chunk=chunk, count=count)

    tiny = push(1024, 16, int(3000 * seconds))
    huge = push(large_size, 1, max(2, round(seconds)))
    huge_sized = push(large_size, 1, max(2, round(seconds)), chunk=0)
    whole = f"{large_size // MIB} MiB"
    return [
        Row("base", "`/v2/`", many("get", "/v2/")),
        Row("manifest-get-tag", "manifest GET by tag", many("get", *by_tag), target=4),
        Row("manifest-head-tag", "manifest HEAD by tag", many("head", *by_tag)),
        Row("manifest-get-digest", "manifest GET by digest", many("get", *by_digest)),
        Row("blob-head", "blob HEAD", many("head", *small), target=4),
        Row("tags-all", f"tags, all {len(store.tags):,}", many("get", f"{base}/tags/list")),
        Row("tags-last", "tags, last 99", many("get", f"{base}/tags/list?n=100&last={middle}")),
        Row("catalog-first", f"catalog of {len(store.repositories):,}, first 100", many("get", "/v2/_catalog?n=100")),
        Row("catalog-last", "catalog, last 99", many("get", f"/v2/_catalog?n=100&last={late}")),
        Row("pull-small", "pull 1 MiB by 16 clients", many("get", *small), per_byte=True, target=4),
        Row("pull-large", f"pull {whole}", Load("get", large), per_byte=True, target=2.5),
        Row("pull-large-tls", f"pull {whole}, TLS 1.3", Load("get", large), per_byte=True, target=1.1, tls=True),
        Row("push-large", f"push {whole} in chunks", huge, per_byte=True, target=1.4),
        Row("push-large-sized", f"push {whole} with a length", huge_sized, per_byte=True, target=1.4),
        Row("push-large-tls", f"push {whole} in chunks, TLS 1.3", huge, per_byte=True, tls=True),
        Row("push-tiny", "push 1 KiB by 16 clients", tiny, target=2),
    ]
