"""What the rows have to reach beside the better peer: the one place that says so."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch

__all__ = ["NONE", "Target", "target_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """How many times better than the better peer; None where nothing is promised."""

    cost: float | None = None
    """Of one process."""
    rate: float | None = None
    """Of two worker processes."""
    peer: str = ""
    """Beside this one alone."""
    limit: float | None = None
    """Whatever the peers need, our cost stays under this."""


NONE = Target()

# The first pattern that fits counts.
_TARGETS = (
    ("memory-rest", Target(1 / 1.2, peer="distribution 3.1.2")),
    ("memory-slow", Target(limit=64)),
    ("small-base", Target(2, 1.8)),
    ("small-*-base", NONE),
    ("small-log-*", NONE),
    ("small-tls-*", Target(3, 3)),
    ("small-htpasswd-*", Target(3, 3)),
    ("small-token-*", Target(3, 3)),
    ("small-*", Target(5, 4)),
    ("list-tags-most-*", Target(10, 10)),
    ("list-catalog-most-*", Target(10, 10)),
    ("pull-*-cold*", NONE),
    ("pull-1m-16", Target(6, 5)),
    ("pull-1m-*", NONE),
    ("pull-256m-*-tls", Target(1.25, 1.2)),
    ("pull-1g-*-tls", NONE),
    ("pull-*", Target(3, 2.5)),
    ("push-256m-*-tls", Target(1.3, 1.2)),
    ("push-256m-*", Target(1.7, 1.4)),
    ("push-1g-*", NONE),
    ("push-*", Target(3, 3)),
)


def target_of(name: str) -> Target:
    """By the row's name."""
    return next((target for pattern, target in _TARGETS if fnmatch(name, pattern)), NONE)
