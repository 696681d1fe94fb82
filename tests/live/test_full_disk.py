"""A full disk refuses pushes in words, and harms nobody else."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live.support.client import Answer, Client, Unexpected, digest_of
from tests.live.support.server import Server
from tests.live.support.system import small_filesystem

pytestmark = pytest.mark.live

MIB = 1024 * 1024
PAGE = 4096
OCTETS = {"Content-Type": "application/octet-stream"}
SMALL = b"there before the disk was full" * 100


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """8 MiB for data."""
    with small_filesystem(tmp_path / "disk", "8m"):
        yield tmp_path / "disk"


@pytest.fixture
def cramped(kind: str, tmp_path: Path, disk: Path) -> Iterator[Server]:
    """A server on that disk, with one small image in it."""
    with Server(kind, tmp_path / "server", data=disk) as server:
        with server.client() as client:
            client.push_artifact("full/app", "before", SMALL)
        yield server


def _assert_refused(answer: Answer) -> None:
    assert answer.status in (500, 503, 507)
    assert json.loads(answer.body)["errors"][0]["code"] in ("UNKNOWN", "UNAVAILABLE")


def _assert_unharmed(server: Server, disk: Path) -> None:
    """What was there is there, and no file that names something is empty."""
    with server.client() as client:
        assert client.tags("full/app") == ["before"]
        assert client.manifest("full/app", "before").status == 200
        assert client.blob("full/app", digest_of(SMALL)) == SMALL
    assert [link for link in disk.rglob("link") if link.stat().st_size == 0] == []
    assert server.defects() == []


def _fill(disk: Path, leave: int) -> Path:
    """Take all the space but `leave` bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(PAGE))
    with ballast.open("r+b") as file:
        file.truncate(max(0, ballast.stat().st_size - leave))
    return ballast


def test_an_upload_that_does_not_fit_is_refused_and_a_later_one_succeeds(cramped: Server, disk: Path) -> None:
    content = random.Random(1).randbytes(16 * MIB)
    with cramped.client() as client:
        upload = client.begin_upload("full/app")
        _assert_refused(client.request("PATCH", upload, content, OCTETS))
        _assert_unharmed(cramped, disk)
        client.request("DELETE", upload)
    for data in disk.rglob("_uploads/*/data"):
        data.unlink()
    with cramped.client() as client:
        client.push_artifact("full/app", "after", content[:MIB])
        assert client.blob("full/app", digest_of(content[:MIB])) == content[:MIB]
        assert sorted(client.tags("full/app")) == ["after", "before"]


@pytest.mark.parametrize("pages", range(0, 24, 3))
def test_a_push_that_runs_out_of_space_at_any_step_leaves_all_or_nothing(
    cramped: Server, disk: Path, pages: int
) -> None:
    ballast = _fill(disk, pages * PAGE)
    content = random.Random(pages).randbytes(2 * PAGE)
    with cramped.client() as client:
        succeeded = _push(client, content)
    if not succeeded:
        _assert_unharmed(cramped, disk)
    ballast.unlink()
    with cramped.client() as client:
        client.push_artifact("full/app", "late", content)
        assert client.blob("full/app", digest_of(content)) == content
        client.request("DELETE", "/v2/full/app/manifests/late", expect=202)
    _assert_unharmed(cramped, disk)


def _push(client: Client, content: bytes) -> bool:
    """Whether all of it was acknowledged; each refusal is a clear one, and none comes after a success was told."""
    try:
        client.push_artifact("full/app", "late", content)
    except Unexpected as refusal:
        assert refusal.status in (500, 503, 507)
        assert json.loads(refusal.body)["errors"][0]["code"] in ("UNKNOWN", "UNAVAILABLE")
        return False
    return True
