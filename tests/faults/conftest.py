"""What the tests of faults are told on the command line."""

from __future__ import annotations

import random

import pytest


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """Of everything that is random in a test; printed, so that a run can be repeated as far as threads allow."""
    chosen: int = pytestconfig.getoption("--seed") or random.SystemRandom().randrange(10**6)
    print(f"--seed {chosen}")
    return chosen
