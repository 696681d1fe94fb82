"""Files that have to come from the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.slowdisk import SlowDiskUnavailable, evict


def test_an_evicted_file_cannot_be_read_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)
    try:
        evict(path)
    except (SlowDiskUnavailable, OSError) as told:
        pytest.skip(f"this filesystem keeps its files in memory: {told}")
    with path.open("rb") as file, pytest.raises(BlockingIOError):
        os.preadv(file.fileno(), [bytearray(1)], 50_000, os.RWF_NOWAIT)


def test_a_file_that_stays_in_memory_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    monkeypatch.setattr(os, "preadv", lambda *_: 1)
    with pytest.raises(SlowDiskUnavailable, match="stays in memory"):
        evict(path)
