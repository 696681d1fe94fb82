"""How many processors this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def usable_processors(membership: Path = _MEMBERSHIP, cgroups: Path = _CGROUPS) -> int:
    """At least 1: those that it may be scheduled on, or fewer where its cgroup's time (cpu.max) is that of fewer."""
    allowed = len(os.sched_getaffinity(0))
    quota = _quota(membership, cgroups)
    return allowed if quota is None else max(1, min(allowed, round(quota)))


def _quota(membership: Path, cgroups: Path) -> float | None:
    """The smallest of the cgroup and those above it, in processors; None without a limit or without version 2."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    found: list[float] = []
    for line in lines:
        if line.startswith("0::/"):
            inner = Path(line.removeprefix("0::/"))
            found = [quota for folder in (inner, *inner.parents) if (quota := _limit(cgroups / folder / "cpu.max"))]
    return min(found, default=None)


def _limit(file: Path) -> float | None:
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None
