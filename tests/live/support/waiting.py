"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT = 20.0


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds; fail where that takes more than `LIMIT` seconds."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"not within {LIMIT} s"
        time.sleep(0.02)
