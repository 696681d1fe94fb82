"""The files of a run, written anew after each row, so that one that is interrupted leaves a table and a plot."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.report import Line, markdown

__all__ = ["Results"]


@dataclass(slots=True)
class Results:
    """`<time>.json` with all that was counted, `<time>.md` with the table; `<time>.svg` is the plot."""

    folder: Path
    about: Mapping[str, str]
    """Where, when and how it was measured."""
    servers: Sequence[str]
    lines: list[Line] = field(default_factory=list)
    stem: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S"))

    def add(self, line: Line) -> None:
        """Write everything with this line too."""
        self.lines.append(line)
        self.folder.mkdir(exist_ok=True)
        counted = {"about": self.about, "servers": self.servers, "lines": [asdict(line) for line in self.lines]}
        (self.folder / f"{self.stem}.json").write_text(json.dumps(counted, indent=1))
        (self.folder / f"{self.stem}.md").write_text(self.text())

    def text(self) -> str:
        """The facts and the table."""
        facts = "\n".join(f"{name}: {value}" for name, value in self.about.items())
        met = sum((line.cost_verdict == "met") + (line.rate_verdict == "met") for line in self.lines)
        missed = sum((line.cost_verdict == "missed") + (line.rate_verdict == "missed") for line in self.lines)
        return f"{facts}\n\n{markdown(self.lines, self.servers)}\n{met} targets met, {missed} missed\n"

    @property
    def plot(self) -> Path:
        """Where the plot goes."""
        return self.folder / f"{self.stem}.svg"
