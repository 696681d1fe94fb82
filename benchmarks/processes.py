"""What a process and its children have used: processor seconds and resident memory, from /proc."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessTree"]

_TICK = os.sysconf("SC_CLK_TCK")
# A process that is there when its folder is listed may have ended a moment later.
_ENDED = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """A process and all that descends from it."""

    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of all threads, those that ended and children that were waited for included."""
        return sum(sum(map(int, fields[11:15])) for fields in self._stats().values()) / _TICK

    def thread_seconds(self) -> list[tuple[float, float]]:
        """User and system time of each living thread of the first process, the most used first."""
        taken = []
        for path in Path(f"/proc/{self.pid}/task").glob("*/stat"):
            fields = path.read_text().rpartition(")")[2].split()
            taken.append((int(fields[11]) / _TICK, int(fields[12]) / _TICK))
        return sorted(taken, key=sum, reverse=True)

    def rss_mib(self) -> float:
        """Resident memory now; pages that processes share count for each."""
        return self._status_mib("VmRSS")

    def peak_rss_mib(self) -> float:
        """The most resident memory since the last `forget_peak`; summed over processes, so at most too high."""
        return self._status_mib("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak begin anew."""
        for pid in self._stats():
            with suppress(*_ENDED):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _status_mib(self, key: str) -> float:
        kib = 0
        for pid in self._stats():
            with suppress(*_ENDED):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith(f"{key}:"):
                        kib += int(line.split()[1])
        return kib / 1024

    def _stats(self) -> dict[int, list[str]]:
        """Fields of /proc/PID/stat from the state on, for each member of the tree."""
        everything: dict[int, list[str]] = {}
        for entry in os.listdir("/proc"):
            if entry.isdecimal():
                try:
                    text = Path(f"/proc/{entry}/stat").read_text()
                except _ENDED:
                    continue
                # The command's name stands in parentheses and may hold anything.
                everything[int(entry)] = text.rpartition(")")[2].split()
        members = {self.pid: everything[self.pid]}
        while True:
            children = {
                pid: fields for pid, fields in everything.items() if pid not in members and int(fields[1]) in members
            }
            if not children:
                return members
            members.update(children)
