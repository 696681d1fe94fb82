"""Clients that want the same thing at once get answers that fit together."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import pytest

from tests.live.support.client import Client, artifact_manifest, digest_of, location, with_query
from tests.live.support.history import History
from tests.live.support.raw import head, partial_upload, read_answer
from tests.live.support.server import Server

pytestmark = pytest.mark.live

T = TypeVar("T")

NAME = "races/app"
MIB = 1024 * 1024
OCTETS = {"Content-Type": "application/octet-stream"}


def _at_once(server: Server, count: int, act: Callable[[Client, int], T]) -> list[T]:
    """What `act` returns for each of many clients that begin together."""
    start = threading.Barrier(count)

    def one(number: int) -> T:
        with server.client(timeout=60) as client:
            client.request("GET", "/v2/")
            start.wait()
            return act(client, number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_a_tag_always_shows_a_whole_manifest_that_can_be_the_latest(server: Server, client: Client) -> None:
    manifests = [artifact_manifest(digest_of(b"{}"), 2, annotations={"number": str(number)}) for number in range(10)]
    client.push_blob(NAME, b"{}")
    history = History()
    with history.attempt(NAME, digest_of(manifests[0]), "flipped"):
        client.push_manifest(NAME, "flipped", manifests[0])
    until = time.monotonic() + 4

    def write(client: Client, number: int) -> list[str]:
        generator = random.Random(number)
        while time.monotonic() < until:
            manifest = generator.choice(manifests)
            with history.attempt(NAME, digest_of(manifest), "flipped"):
                client.push_manifest(NAME, "flipped", manifest)
        return []

    def read(client: Client, number: int) -> list[str]:
        wrong = []
        while time.monotonic() < until:
            since = time.monotonic()
            answer = client.manifest(NAME, "flipped")
            digest = answer.headers["Docker-Content-Digest"]
            if digest_of(answer.body) != digest:
                wrong.append(f"{digest}: other bytes")
            if digest not in history.allowed(NAME, "flipped", since):
                wrong.append(f"{digest}: overwritten before")
        return wrong

    for wrong in _at_once(server, 12, lambda client, number: (write if number < 6 else read)(client, number)):
        assert wrong == []


@pytest.mark.parametrize("turn", range(4))
def test_one_of_many_patches_of_the_same_range_wins(server: Server, client: Client, turn: int) -> None:
    content = random.Random(turn).randbytes(100_000)
    upload = client.begin_upload(NAME)
    headers = {**OCTETS, "Content-Range": f"0-{len(content) - 1}"}
    answers = _at_once(server, 6, lambda client, _: client.request("PATCH", upload, content, headers))
    assert sorted(answer.status for answer in answers) == [202, *[416] * 5]
    (won,) = [answer for answer in answers if answer.status == 202]
    client.finish_upload(location(won), digest_of(content))
    assert client.blob(NAME, digest_of(content)) == content


@pytest.mark.parametrize("turn", range(4))
def test_one_of_many_puts_of_the_same_session_wins(server: Server, client: Client, turn: int) -> None:
    content = random.Random(turn).randbytes(100_000)
    upload = location(client.request("PATCH", client.begin_upload(NAME), content, OCTETS, expect=202))
    target = with_query(upload, f"digest={digest_of(content)}")
    statuses = _at_once(server, 6, lambda client, _: client.request("PUT", target, b"", OCTETS).status)
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 404, 416}
    assert client.blob(NAME, digest_of(content)) == content


def test_many_clients_push_the_same_blob_and_it_is_stored_once(server: Server) -> None:
    content = random.Random(1).randbytes(4 * MIB)

    def push(client: Client, number: int) -> bytes:
        name = f"races/app{number % 4}"
        return client.blob(name, client.push_blob(name, content))

    assert set(_at_once(server, 16, push)) == {content}
    stored = list(server.data.glob("docker/registry/v2/blobs/sha256/*/*/data"))
    assert [file.read_bytes() for file in stored] == [content]


def test_a_request_that_hangs_gives_way_to_the_client_that_resumes(server: Server, client: Client) -> None:
    """A client whose network broke comes back while the server still believes in the old connection."""
    content = random.Random(2).randbytes(4 * MIB)
    upload = client.begin_upload(NAME)
    with closing(server.connect()) as half_dead:
        partial_upload(half_dead, upload, content, MIB)
        offset, deadline = 0, time.monotonic() + 10
        while offset < MIB:
            answer = client.request("GET", upload, expect=204)
            offset = int(answer.headers["Range"].partition("-")[2]) + 1
            assert time.monotonic() < deadline
        resumed = {**OCTETS, "Content-Range": f"{offset}-{len(content) - 1}"}
        upload = location(client.request("PATCH", location(answer), content[offset:], resumed, expect=202))
        client.finish_upload(upload, digest_of(content))
    assert client.blob(NAME, digest_of(content)) == content


def test_a_download_ends_whole_or_not_at_all_when_its_blob_is_deleted(server: Server, client: Client) -> None:
    content = random.Random(3).randbytes(16 * MIB)
    digest = client.push_blob(NAME, content)
    with server.client() as reader:
        response = reader.stream(f"/v2/{NAME}/blobs/{digest}")
        begun = response.read(MIB)
        client.request("DELETE", f"/v2/{NAME}/blobs/{digest}", expect=202)
        assert client.request("GET", f"/v2/{NAME}/blobs/{digest}").status == 404
        assert begun + response.read() == content


def test_a_body_is_asked_for_only_once_somebody_wants_it(server: Server, client: Client) -> None:
    upload = client.begin_upload(NAME)
    continued = {"Expect": "100-continue", "Content-Length": str(10 * 1024**3), **OCTETS}
    with closing(server.connect()) as connection:
        unknown = f"/v2/{NAME}/blobs/uploads/01234567-1234-4234-8234-0123456789ab"
        connection.sendall(head("PATCH", unknown, continued))
        assert read_answer(connection, "PATCH").status == 404
    with closing(server.connect()) as connection:
        connection.sendall(head("PATCH", upload, {**continued, "Content-Length": "3"}))
        interim = connection.recv(1000)
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        answer = read_answer(connection, "PATCH")
        assert answer.status == 202
    client.finish_upload(location(answer), digest_of(b"abc"))
