"""An interrupted upload goes on where it stopped, whatever interrupted it."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.live.support.client import Client, digest_of, location
from tests.live.support.raw import partial_upload, read_answer
from tests.live.support.server import Server

pytestmark = pytest.mark.live

NAME = "resume/app"
MIB = 1024 * 1024
OCTETS = {"Content-Type": "application/octet-stream"}
# A writer may hold back what does not fill a batch yet.
BATCH = MIB
PATIENCE = 10.0


def _offset(client: Client, upload: str) -> tuple[int, str]:
    """How many bytes the session has, and where it goes on."""
    answer = client.request("GET", upload, expect=204)
    first, last = answer.headers["Range"].split("-")
    assert first == "0"
    # "0-0" is said of an empty session too, because old Docker needs an end that is not before the start; no test
    # here stops after exactly one byte.
    return int(last) + 1 if last != "0" else 0, location(answer)


def _settled_offset(client: Client, upload: str, expected: int) -> tuple[int, str]:
    """The same, once the server has seen the disconnect and written what came before it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        offset, following = _offset(client, upload)
        if offset == expected or time.monotonic() > deadline:
            return offset, following
        time.sleep(0.02)


@contextmanager
def _stalled_upload(server: Server, upload: str, content: bytes, sent: int) -> Iterator[socket.socket]:
    """A PATCH that has stopped in its middle, with all that was sent on the disk but for a last batch."""
    with closing(server.connect()) as connection:
        partial_upload(connection, upload, content, sent)
        deadline = time.monotonic() + PATIENCE
        while _bytes_on_disk(server.data) < sent - BATCH:
            assert time.monotonic() < deadline, f"{_bytes_on_disk(server.data)} of {sent} bytes have reached the disk"
            time.sleep(0.02)
        yield connection


def _bytes_on_disk(data: Path) -> int:
    return sum(file.stat().st_size for file in data.glob("docker/registry/v2/repositories/**/_uploads/*/data"))


def _finish(client: Client, upload: str, content: bytes, offset: int) -> None:
    upload = location(client.request("PATCH", upload, content[offset:], OCTETS, expect=202))
    client.finish_upload(upload, digest_of(content))
    assert client.blob(NAME, digest_of(content)) == content


@pytest.mark.parametrize("sent", [2, 1000, 64 * 1024, 64 * 1024 + 1, 256 * 1024 - 1, MIB, 2 * MIB + 17, 4 * MIB - 1])
def test_a_disconnect_keeps_every_byte_that_came(server: Server, client: Client, sent: int) -> None:
    content = random.Random(sent).randbytes(4 * MIB)
    upload = client.begin_upload(NAME)
    with closing(server.connect()) as connection:
        partial_upload(connection, upload, content, sent)
    offset, upload = _settled_offset(client, upload, sent)
    assert offset == sent
    _finish(client, upload, content, offset)


def test_an_upload_survives_many_disconnects(server: Server, client: Client) -> None:
    generator = random.Random(21)
    content = generator.randbytes(3 * MIB)
    upload = client.begin_upload(NAME)
    offset = 0
    for _ in range(24):
        part = generator.randrange(2, 100_000)
        with closing(server.connect()) as connection:
            partial_upload(connection, upload, content[offset:], part)
        expected = offset + part
        offset, upload = _settled_offset(client, upload, expected)
        assert offset == expected
    _finish(client, upload, content, offset)


def test_bytes_reach_the_disk_while_the_request_runs(server: Server, client: Client) -> None:
    content = random.Random(3).randbytes(16 * MIB)
    upload = client.begin_upload(NAME)
    with _stalled_upload(server, upload, content, 8 * MIB) as connection:
        connection.sendall(content[8 * MIB :])
        answer = read_answer(connection, "PATCH")
    assert answer.status == 202
    client.finish_upload(location(answer), digest_of(content))
    assert client.blob(NAME, digest_of(content)) == content


def test_an_upload_goes_on_after_kill_9(server: Server, client: Client) -> None:
    content = random.Random(4).randbytes(16 * MIB)
    upload = client.begin_upload(NAME)
    with _stalled_upload(server, upload, content, 9 * MIB):
        server.kill()
    client.close()
    assert server.start() < 5
    offset, upload = _offset(client, upload)
    assert 8 * MIB <= offset <= 9 * MIB
    _finish(client, upload, content, offset)


def test_chunks_that_were_acknowledged_survive_kill_9(server: Server, client: Client) -> None:
    content = random.Random(5).randbytes(4 * MIB)
    upload = client.begin_upload(NAME)
    for first in range(0, 3 * MIB, MIB):
        order = {**OCTETS, "Content-Range": f"{first}-{first + MIB - 1}"}
        upload = location(client.request("PATCH", upload, content[first : first + MIB], order, expect=202))
        server.kill()
        client.close()
        server.start()
        offset, upload = _offset(client, upload)
        assert offset == first + MIB
    client.finish_upload(upload, digest_of(content), content[3 * MIB :])
    assert client.blob(NAME, digest_of(content)) == content


def test_a_drain_lets_a_running_upload_end(kind: str, tmp_path: Path) -> None:
    content = random.Random(6).randbytes(8 * MIB)
    with Server(kind, tmp_path, settings={"http": {"draintimeout": "15s"}}) as server, server.client() as client:
        upload = client.begin_upload(NAME)
        with _stalled_upload(server, upload, content, 4 * MIB) as connection:
            server.terminate()
            connection.sendall(content[4 * MIB :])
            answer = read_answer(connection, "PATCH")
            assert answer.status == 202
        assert server.wait() == 0
        client.close()
        server.start()
        client.finish_upload(location(answer), digest_of(content))
        assert client.blob(NAME, digest_of(content)) == content


def test_an_upload_goes_on_after_an_ordinary_stop(server: Server, client: Client) -> None:
    content = random.Random(7).randbytes(8 * MIB)
    upload = client.begin_upload(NAME)
    with _stalled_upload(server, upload, content, 4 * MIB):
        server.stop()
    client.close()
    server.start()
    offset, upload = _offset(client, upload)
    assert 3 * MIB <= offset <= 4 * MIB
    _finish(client, upload, content, offset)
