"""Bits that flip on the disk: all are found, none is served as if it were right, and a push mends each."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.client import Client, digest_of
from tests.live.support.server import Server
from tests.live.support.tools import ROOT

pytestmark = pytest.mark.live

FSCK = (sys.executable, "-c", "import sys; from txregistry.cli.main import main; sys.exit(main())", "fsck")
REPOSITORY = "library/app"
FLIPS = 100
SEED = 20


def test_every_flipped_bit_is_found_and_a_push_mends_it(kind: str, tmp_path: Path) -> None:
    if kind != "txregistry":
        pytest.skip("the peers have neither a check nor verified reads")
    chance = random.Random(SEED)
    contents = [chance.randbytes(chance.choice((1, 1_000, 300_000, 1_200_000))) for _ in range(FLIPS)]
    workspace = tmp_path / "server"
    with Server(kind, workspace, settings={"txregistry": {"verifyreads": True}}) as server, server.client() as client:
        for number, content in enumerate(contents):
            client.push_artifact(REPOSITORY, f"t{number}", content)
        assert fsck(workspace) == (0, [])
        damaged = {digest_of(content): content for content in contents}
        for digest in damaged:
            flip(server.data, digest, chance)
        for digest, content in damaged.items():
            refuse(server, digest, content)
        status, found = fsck(workspace, "--repair")
        assert status == 1
        assert {entry["digest"] for entry in found if entry["kind"] == "damaged-blob"} == set(damaged)
        assert all(entry["repaired"] for entry in found if entry["kind"] == "damaged-blob")
        for content in damaged.values():
            mend(client, content)
        assert fsck(workspace) == (0, [])


def fsck(workspace: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """The status and the findings of a check beside the running server."""
    done = subprocess.run(
        [*FSCK, "--json", *options, str(workspace / "txregistry.yml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)["findings"]


def flip(data: Path, digest: str, chance: random.Random) -> None:
    """One bit of the blob's file changes, and nothing else of it."""
    algorithm, _, encoded = digest.partition(":")
    with (data / f"docker/registry/v2/blobs/{algorithm}/{encoded[:2]}/{encoded}/data").open("r+b") as file:
        content = file.read()
        position = chance.randrange(len(content))
        file.seek(position)
        file.write(bytes([content[position] ^ (1 << chance.randrange(8))]))


def refuse(server: Server, digest: str, content: bytes) -> None:
    """The connection breaks before the last byte; a range is not known at all."""
    with server.client() as client:
        answer = client.stream(f"/v2/{REPOSITORY}/blobs/{digest}")
        assert answer.status == 200
        with pytest.raises((IncompleteRead, ConnectionError)) as broken:
            answer.read()
        if isinstance(broken.value, IncompleteRead):
            assert len(broken.value.partial) < len(content)
    if len(content) > 1:
        with server.client() as client:
            client.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}", headers={"Range": "bytes=0-0"}, expect=404)


def mend(client: Client, content: bytes) -> None:
    """As a client pushes: only what is not there, and so everything that was put aside."""
    digest = digest_of(content)
    client.request("HEAD", f"/v2/{REPOSITORY}/blobs/{digest}", expect=404)
    client.push_blob(REPOSITORY, content)
    assert client.blob(REPOSITORY, digest) == content
