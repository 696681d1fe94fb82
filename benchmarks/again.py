"""The table and the plot of runs that are over, with a later run's rows in place of an earlier one's.

`python -m benchmarks.again results/ONE.json results/OTHER.json [--plot FILE.svg]`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.plot import draw
from benchmarks.report import Line
from benchmarks.results import Results
from benchmarks.row import Sample, Unit
from benchmarks.targets import target_of

__all__ = ["merged", "read_line"]


def merged(paths: list[Path]) -> Results:
    """All rows in the order of their first appearance; what is said about the run is the last one's."""
    lines: dict[str, Line] = {}
    counted: dict[str, Any] = {}
    for path in paths:
        counted = json.loads(path.read_text())
        lines |= {line["name"]: read_line(line) for line in counted["lines"]}
    return Results(paths[-1].parent, counted["about"], counted["servers"], list(lines.values()))


def read_line(counted: dict[str, Any]) -> Line:
    """As it was written; its target is what is promised now."""
    return Line(
        counted["name"],
        counted["title"],
        Unit(**counted["unit"]),
        {name: [Sample(**sample) for sample in samples] for name, samples in counted["samples"].items()},
        target_of(counted["name"]),
        counted["failures"],
        Sample(**counted["floor"]) if counted["floor"] else None,
    )


def main() -> int:
    """Print, and draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.again", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="what runs have left in results/, the oldest first")
    parser.add_argument("--plot", type=Path, help="draw into this file; its name tells the kind")
    arguments = parser.parse_args()
    results = merged(arguments.runs)
    print(results.text())
    if arguments.plot:
        draw(results.lines, arguments.plot)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
