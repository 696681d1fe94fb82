"""What a collection did, in figures."""

from __future__ import annotations

from attrs import asdict, define


@define
class Report:
    """Counts of one run; with `dry_run` what would have been done.

    `at_once` tells that there were no graces, so that what was trashed was also removed. `swept` is the share, up to 1,
    of the content in common that has been looked at. `waiting_until` is when the last grace of what waits is over, in
    seconds since the epoch.
    """

    dry_run: bool = False
    at_once: bool = False
    repositories: int = 0
    manifests: int = 0
    blobs: int = 0
    untagged: int = 0
    links: int = 0
    trashed: int = 0
    trashed_bytes: int = 0
    waiting: int = 0
    waiting_bytes: int = 0
    waiting_until: float = 0.0
    removed: int = 0
    removed_bytes: int = 0
    restored: int = 0
    emptied: int = 0
    swept: float = 0.0

    def wait(self, size: int, until: float) -> None:
        """Count a file that is to go and has to wait."""
        self.waiting += 1
        self.waiting_bytes += size
        self.waiting_until = max(self.waiting_until, until)

    def figures(self) -> dict[str, object]:
        """What there is to log."""
        return asdict(self, filter=lambda attribute, _: attribute.name not in ("at_once", "swept", "waiting_until"))
