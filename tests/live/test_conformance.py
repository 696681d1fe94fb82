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
LEAST = 800


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
    suites = ElementTree.parse(tmp_path / "results" / "junit.xml").getroot()
    # The suite disables what a version does not have yet, and counts that apart from what the registry would not do.
    found = {count: int(suites.attrib.get(count, 0)) for count in ("failures", "errors", "skipped")}
    assert found == {"failures": 0, "errors": 0, "skipped": 0}, finished.stdout[-8000:]
    assert finished.returncode == 0, finished.stdout[-8000:]
    assert int(suites.attrib["tests"]) > LEAST
    assert server.defects() == []
