"""How each kind of registry is collected while it serves."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define

from tests.live.support.server import Server
from tests.live.support.tools import require

# Seconds; the smallest graces that the configuration takes.
INTERVAL, GRACE, TRASH = 5, 1, 1
SETTINGS: dict[str, Any] = {
    "txregistry": {
        "collection": {
            "enabled": True,
            "interval": f"{INTERVAL}s",
            "grace": f"{GRACE}s",
            "trash": f"{TRASH}s",
            "deleteuntagged": True,
        }
    }
}
# The same by two workers.
BY_TWO: dict[str, Any] = {"txregistry": {**SETTINGS["txregistry"], "workers": 2}}
# A lease is renewed once a tenth of it has run out, so this is what a client can count on.
PATIENCE = 0.9 * GRACE + TRASH


@define
class Cycles:
    """How many collections there were."""

    count: int = 0


@contextmanager
def collecting(servers: Sequence[Server], configuration: Path) -> Iterator[Cycles]:
    """Ours collect by themselves; beside a peer its own program runs, as often."""
    cycles, server = Cycles(), servers[0]
    if server.kind == "txregistry":
        yield cycles
        cycles.count = sum(len(re.findall("collection finished", one.log_text())) for one in servers)
        return
    ended = threading.Event()
    program = require("docker-registry" if server.kind == "registry2" else "registry")

    def collect() -> None:
        while not ended.wait(INTERVAL):
            subprocess.run(
                [program, "garbage-collect", str(configuration)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=300,
            )
            cycles.count += 1

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        yield cycles
    finally:
        ended.set()
        thread.join()


def stored_bytes(data: Path) -> int:
    """Bytes of all content that is not waiting to be removed."""
    total = 0
    for file in data.glob("docker/registry/v2/blobs/*/*/*/data"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue
    return total
