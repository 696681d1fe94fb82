"""Runs our command line under cProfile: `python -m benchmarks.profiled STATISTICS serve CONFIG`.

Only the thread of the reactor is profiled; what workers do shows as the difference to the processor's time.
"""

from __future__ import annotations

import cProfile
import sys

from txregistry.cli.main import main


def _run() -> int:
    statistics = sys.argv[1]
    sys.argv = ["txregistry", *sys.argv[2:]]
    profile = cProfile.Profile()
    try:
        return profile.runcall(main)
    finally:
        profile.dump_stats(statistics)


if __name__ == "__main__":
    sys.exit(_run())
