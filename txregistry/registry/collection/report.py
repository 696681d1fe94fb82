"""What a collection did, in figures."""

from __future__ import annotations

from attrs import define


@define
class Report:
    """Counts of one run; with `dry_run` what would have been done."""

    dry_run: bool = False
    repositories: int = 0
    manifests: int = 0
    blobs: int = 0
    untagged: int = 0
    links: int = 0
    trashed: int = 0
    trashed_bytes: int = 0
    waiting: int = 0
    waiting_bytes: int = 0
    removed: int = 0
    removed_bytes: int = 0
    restored: int = 0
    emptied: int = 0
