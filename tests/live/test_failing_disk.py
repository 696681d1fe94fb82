"""A disk that fails is told to the client, and nothing that was acknowledged before is lost."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.live.support.client import Unexpected, artifact_manifest, digest_of
from tests.live.support.history import History, losses
from tests.live.support.server import Server
from tests.live.support.tools import require

pytestmark = pytest.mark.live

NAME = "failing/app"


@pytest.mark.parametrize("calls", ["fsync,fdatasync", "rename,renameat,renameat2"])
@pytest.mark.parametrize("first", [2, 3, 5])
def test_every_acknowledged_push_survives_a_disk_that_fails(kind: str, calls: str, first: int, tmp_path: Path) -> None:
    """Every thread's calls fail from its first, second … on: what gets through before differs."""
    require("strace")
    failing = (
        "strace",
        "-f",
        "-e",
        f"trace={calls}",
        "-e",
        f"inject={calls}:error=EIO:when={first}+",
        "-o",
        "/dev/null",
    )
    history, refusals = History(), []
    with (
        Server(kind, tmp_path / "failing", data=tmp_path / "data", wrapper=failing) as server,
        server.client() as client,
    ):
        for number in range(8):
            content = random.Random(number).randbytes(10_000)
            manifest = artifact_manifest(digest_of(content), len(content))
            try:
                for blob in (content, b"{}"):
                    with history.attempt(NAME, digest_of(blob)):
                        client.push_blob(NAME, blob)
                with history.attempt(NAME, digest_of(manifest), f"tag-{number}"):
                    client.push_manifest(NAME, f"tag-{number}", manifest)
            except Unexpected as refusal:
                refusals.append(refusal)
        assert losses(client, history, history.acknowledged()) == []
    assert refusals
    for told in refusals:
        assert told.status in (500, 503, 507)
        assert json.loads(told.body)["errors"][0]["code"] in ("UNKNOWN", "UNAVAILABLE")
    assert [link for link in (tmp_path / "data").rglob("link") if link.stat().st_size == 0] == []
    with Server(kind, tmp_path / "mended", data=tmp_path / "data") as server, server.client() as client:
        assert losses(client, history, history.acknowledged()) == []
        client.push_artifact(NAME, "after", b"after")
