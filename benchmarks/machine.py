"""Where a measurement was made: the facts without which its figures mean nothing."""

from __future__ import annotations

import os
import platform
import ssl
import subprocess
import time
from pathlib import Path

__all__ = ["facts"]


def facts(folder: Path) -> dict[str, str]:
    """Kernel, processor, memory, the disk under the folder, and what of ours was measured."""
    processor = _after_colon("/proc/cpuinfo", "model name")
    memory = int(_after_colon("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
        "kernel": platform.release(),
        "cores": f"{len(os.sched_getaffinity(0))} of {processor}",
        "memory": f"{memory:.0f} GiB",
        "disk": _output("findmnt", "-no", "SOURCE,FSTYPE,OPTIONS", "-T", str(folder)),
        "python": f"{platform.python_version()}, {ssl.OPENSSL_VERSION}",
    }


def _after_colon(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return "unknown"


def _output(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
