"""All rows in the order of the table, a module for each family."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Plan
from benchmarks.families import image, listings, memory, pulls, pushes, requests, starting
from benchmarks.row import Row

__all__ = ["all_rows"]


def all_rows(plan: Plan) -> Sequence[Row]:
    """Neighbours share servers, where they can."""
    return [
        *memory.rows(plan),
        *starting.rows(),
        *requests.rows(),
        *listings.rows(plan),
        *pulls.rows(plan),
        *pushes.rows(plan),
        *image.rows(),
    ]
