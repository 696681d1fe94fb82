"""Clients that change the same thing at once get answers that some order of them explains."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from tests.faults.support.collecting import SETTINGS
from tests.faults.support.fsck import harm
from tests.live.support.client import MANIFEST, Client, artifact_manifest, digest_of, location, with_query
from tests.live.support.server import Server

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.takes("--rounds", 2)]

T = TypeVar("T")

NAME = "races/app"
MIB = 1024 * 1024
OCTETS = {"Content-Type": "application/octet-stream"}


def _at_once(server: Server, *acts: Callable[[Client], T]) -> list[T]:
    """What each returns, begun together."""
    start = threading.Barrier(len(acts))

    def one(act: Callable[[Client], T]) -> T:
        with server.client(timeout=60) as client:
            client.request("GET", "/v2/")
            start.wait()
            return act(client)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def _request(method: str, target: str, body: bytes = b"", **headers: str) -> Callable[[Client], int]:
    return lambda client: client.request(method, target, body, {**OCTETS, **headers}).status


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> int:
    chosen: int = pytestconfig.getoption("--rounds")
    return chosen


def test_an_upload_session_ends_once(server: Server, client: Client, seed: int, rounds: int) -> None:
    """Beside a second PUT, a PATCH or a DELETE; a 201 means that the blob is there."""
    generator = random.Random(seed)
    for _ in range(rounds):
        content = generator.randbytes(5000)
        digest = digest_of(content)
        upload = location(client.request("PATCH", client.begin_upload(NAME), content, OCTETS, expect=202))
        finish = _request("PUT", with_query(upload, f"digest={digest}"))
        beside = generator.choice((finish, _request("PATCH", upload, b"more"), _request("DELETE", upload)))
        first, second = _at_once(server, finish, beside)
        if beside is finish:
            assert sorted((first, second))[0] == 201
            assert max(first, second) in (404, 416)
        else:
            # 400: the bytes of the PATCH came first, and the digest is not that of the whole.
            assert first in (201, 400, 404, 416)
            assert second in (202, 204, 404, 416)
        there = client.request("GET", f"/v2/{NAME}/blobs/{digest}")
        assert there.status == (200 if 201 in (first, second) else 404)
        assert there.status == 404 or there.body == content
    assert server.defects() == []
    assert harm(server) == []


def test_a_manifest_that_is_pushed_and_deleted_at_once_is_there_whole_or_not_at_all(
    server: Server, client: Client, rounds: int
) -> None:
    client.push_blob(NAME, b"{}")
    for number in range(rounds):
        manifest = artifact_manifest(digest_of(b"{}"), 2, annotations={"number": str(number)})
        put = _request("PUT", f"/v2/{NAME}/manifests/latest", manifest, **{"Content-Type": MANIFEST})
        delete = _request("DELETE", f"/v2/{NAME}/manifests/{digest_of(manifest)}")
        pushed, deleted, again = _at_once(server, put, delete, put)
        assert (pushed, again) == (201, 201)
        assert deleted in (202, 404)
        seen = client.request("GET", f"/v2/{NAME}/manifests/latest", headers={"Accept": MANIFEST})
        assert ("latest" in client.tags(NAME)) == (seen.status == 200)
        assert seen.status == 404 or seen.body == manifest
        assert deleted == 202 or seen.status == 200
    assert server.defects() == []
    assert harm(server) == []


def test_a_tag_that_moves_outlives_the_deletion_of_what_it_named(server: Server, client: Client, rounds: int) -> None:
    """A pipeline pushes `latest` while a cleaner deletes the image that it has named."""
    client.push_blob(NAME, b"{}")
    old = b""
    for number in range(rounds):
        new = artifact_manifest(digest_of(b"{}"), 2, annotations={"number": str(number)})
        put = _request("PUT", f"/v2/{NAME}/manifests/latest", new, **{"Content-Type": MANIFEST})
        read = _request("GET", f"/v2/{NAME}/manifests/latest", Accept=MANIFEST)
        if number == 0:
            assert put(client) == 201
        else:
            delete = _request("DELETE", f"/v2/{NAME}/manifests/{digest_of(old)}")
            pushed, deleted, _ = _at_once(server, put, delete, read)
            assert (pushed, deleted) == (201, 202)
        assert client.manifest(NAME, "latest").body == new
        old = new
    assert server.defects() == []


def test_a_mounted_blob_stays_whatever_happens_to_its_source(tmp_path: Path, seed: int, rounds: int) -> None:
    """201 of a mount is a promise, beside deletions in the source and beside collections."""
    generator = random.Random(seed)
    with Server("txregistry", tmp_path / "server", settings=SETTINGS) as server, server.client() as client:
        for number in range(rounds):
            content = generator.randbytes(1000)
            digest = client.push_blob("races/source", content)
            target = f"races/target{number % 3}"
            mount = _request("POST", f"/v2/{target}/blobs/uploads/?mount={digest}&from=races/source")
            delete = _request("DELETE", f"/v2/races/source/blobs/{digest}")
            mounted, deleted = _at_once(server, mount, delete)
            assert mounted in (201, 202)
            assert deleted == 202
            status = client.request("HEAD", f"/v2/{target}/blobs/{digest}").status
            assert status == (200 if mounted == 201 else 404)
        assert server.defects() == []


def test_the_referrers_of_a_subject_are_exactly_those_that_were_attached(server: Server, client: Client) -> None:
    client.push_blob(NAME, b"{}")
    subject = artifact_manifest(digest_of(b"{}"), 2)
    client.push_manifest(NAME, "subject", subject)
    described = {"mediaType": MANIFEST, "digest": digest_of(subject), "size": len(subject)}

    def attach(number: int) -> Callable[[Client], set[str]]:
        def act(client: Client) -> set[str]:
            kept = set()
            for turn in range(20):
                notes = {"artifact": f"{number} {turn}"}
                artifact = artifact_manifest(digest_of(b"{}"), 2, subject=described, annotations=notes)
                digest = client.push_manifest(NAME, digest_of(artifact), artifact)
                kept.add(digest)
                assert digest in client.referrers(NAME, digest_of(subject))
                if turn % 10 == 9:
                    client.request("DELETE", f"/v2/{NAME}/manifests/{digest}", expect=202)
                    kept.remove(digest)
                    assert digest not in client.referrers(NAME, digest_of(subject))
            return kept

        return act

    attached = set().union(*_at_once(server, *(attach(number) for number in range(16))))
    assert set(client.referrers(NAME, digest_of(subject))) == attached
    assert harm(server) == []


def test_a_slow_download_ends_whole_although_its_blob_is_deleted_and_collected(tmp_path: Path, seed: int) -> None:
    content = random.Random(seed).randbytes(32 * MIB)
    with Server("txregistry", tmp_path / "server", settings=SETTINGS) as server, server.client() as client:
        digest = client.push_blob(NAME, content)
        readers = [server.client() for _ in range(8)]
        responses = [reader.stream(f"/v2/{NAME}/blobs/{digest}") for reader in readers]
        begun = [response.read(MIB) for response in responses]
        client.request("DELETE", f"/v2/{NAME}/blobs/{digest}", expect=202)
        deadline = time.monotonic() + 60
        while any(digest.removeprefix("sha256:") in str(path) for path in server.data.rglob("data")):
            assert time.monotonic() < deadline, "the blob is never collected"
            time.sleep(0.2)
        for response, first in zip(responses, begun, strict=True):
            assert first + response.read() == content
        for reader in readers:
            reader.close()
        assert server.defects() == []
