"""The project's own check of a store, run as an operator does."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.live.support.server import Server
from tests.live.support.tools import ROOT


def harm(server: Server) -> list[str]:
    """What `txregistry fsck` finds in the store of a server, which may be running, but for leftovers of a crash."""
    finished = subprocess.run(
        [sys.executable, "-m", "txregistry.cli.main", "fsck", "--json", str(server.log.with_suffix(".yml"))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=ROOT,
    )
    assert finished.returncode in (0, 1), finished.stdout + finished.stderr
    found = json.loads(finished.stdout)["findings"]
    return [json.dumps(finding) for finding in found if finding["harm"]]
