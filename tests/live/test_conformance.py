"""The OCI conformance suite finds nothing that fails and nothing to skip."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.live.support.server import Server
from tests.live.support.tools import require

pytestmark = pytest.mark.live

# A sparse image names blobs that are nowhere, so the newest version is tried without reference checks.
DEVELOPMENT = {"validation": {"disabled": True}}
STABLE = {"validation": {"manifests": {"urls": {"allow": [".*"]}}}}


# A run that stops early must not look like a success.
LEAST = 600


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        pytest.param(DEVELOPMENT, {"OCI_VERSION": "dev", "OCI_DATA_SPARSE": "true"}, id="development"),
        pytest.param(STABLE, {}, id="stable"),
    ],
)
def test_the_conformance_suite_passes(
    kind: str, settings: dict[str, Any], variables: dict[str, str], tmp_path: Path
) -> None:
    suite = require("conformance")
    with Server(kind, tmp_path / "server", settings=settings) as server:
        finished = subprocess.run(
            [suite],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            timeout=300,
            check=False,
            env={
                "OCI_REGISTRY": server.address,
                "OCI_TLS": "disabled",
                "OCI_RESULTS_DIR": str(tmp_path / "results"),
                **variables,
            },
        )
    cases = ElementTree.parse(tmp_path / "results" / "junit.xml").getroot().iter("testcase")
    statuses = {case.attrib["name"]: case.attrib["status"] for case in cases}
    # What a version does not have yet is disabled by the suite; skipped is what the registry would not do.
    troubled = {name: status for name, status in statuses.items() if status not in ("passed", "disabled")}
    assert troubled == {}, finished.stdout[-8000:]
    assert finished.returncode == 0, finished.stdout[-8000:]
    assert len(statuses) > LEAST
    assert server.defects() == []
