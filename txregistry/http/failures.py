"""Twisted's Failure, for a checker of types."""

from __future__ import annotations

from twisted.python.failure import Failure


def failure(problem: BaseException | None = None) -> Failure:
    """Wrap an exception, or the one being handled."""
    return Failure(problem)  # type: ignore[no-untyped-call]  # Twisted has not annotated it yet
