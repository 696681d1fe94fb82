"""What a collection did, in words."""

from __future__ import annotations

import time
from collections.abc import Iterator

from txregistry.registry.collection.report import Report


def summary(report: Report) -> str:
    """A line for each thing that happened; for a dry run, that would have."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    repositories = _count(report.repositories, "repository", "repositories")
    yield f"Looked at {repositories}, {_count(report.manifests, 'manifest')} and {_count(report.blobs, 'blob')}."
    would = "Would have " if report.dry_run else ""
    trashed, trashed_bytes = report.trashed, report.trashed_bytes
    removed, removed_bytes = report.removed, report.removed_bytes
    if report.at_once:
        # What goes at once has passed the trash, but for a dry run.
        if report.dry_run:
            removed, removed_bytes = removed + trashed, removed_bytes + trashed_bytes
        trashed = 0
    if report.untagged:
        yield _sentence(would, f"let {_count(report.untagged, 'untagged manifest')} go")
    if trashed:
        yield _sentence(would, f"moved {_count(trashed, 'file')} of {human(trashed_bytes)} to the trash")
    yield _sentence(would, f"removed {_count(removed, 'file')} of {human(removed_bytes)}")
    if report.restored:
        yield _sentence(would, f"brought back {_count(report.restored, 'file')} that somebody asked for")
    if report.emptied:
        yield _sentence(would, f"removed {_count(report.emptied, 'empty repository', 'empty repositories')}")
    if report.waiting:
        until = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(report.waiting_until))
        verb = "waits" if report.waiting == 1 else "wait"
        yield f"{_count(report.waiting, 'file')} of {human(report.waiting_bytes)} {verb}, the last until {until}."


def human(size: int) -> str:
    """Bytes for people: `999 bytes`, `1.5 MiB`."""
    if size < 1024:
        return _count(size, "byte")
    amount = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"


def _sentence(would: str, text: str) -> str:
    text = would + text
    return f"{text[0].upper()}{text[1:]}."
