"""A registry behind nginx, which does TLS and asks for passwords, works by the example configuration."""

from __future__ import annotations

import base64
import random
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.live.support.client import Client, digest_of, location, with_query
from tests.live.support.images import make_image, make_index, write_layout
from tests.live.support.nginx import PASSWORD, USER, nginx_before
from tests.live.support.raw import head, read_answer
from tests.live.support.server import Server
from tests.live.support.tools import require, run

pytestmark = pytest.mark.live

MIB = 1024 * 1024
NAME = "behind/nginx"
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}


@pytest.fixture
def front(server: Server, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    with nginx_before(server, tmp_path / "nginx", "localhost") as found:
        yield found


def test_skopeo_pushes_and_pulls_through_nginx(front: tuple[int, Path], client: Client, tmp_path: Path) -> None:
    port, authority = front
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "ca.crt").write_bytes(authority.read_bytes())
    images = [make_image(1, architecture=architecture) for architecture in ("amd64", "arm64")]
    index = make_index(images)
    write_layout(tmp_path / "layout", index, images, "built")
    reference, login = f"docker://localhost:{port}/{NAME}:1", f"{USER}:{PASSWORD}"
    copy = (require("skopeo"), "copy", "--all")
    run(*copy, f"--dest-cert-dir={trust}", f"--dest-creds={login}", f"oci:{tmp_path / 'layout'}:built", reference)
    assert client.manifest(NAME, "1").body == index
    run(*copy, f"--src-cert-dir={trust}", f"--src-creds={login}", reference, f"oci:{tmp_path / 'back'}:back")


def test_locations_through_nginx_fit_name_port_and_scheme(front: tuple[int, Path]) -> None:
    port, authority = front
    tls = ssl.create_default_context(cafile=str(authority))
    with closing(Client("localhost", port, tls=tls)) as client:
        answer = client.request("POST", f"/v2/{NAME}/blobs/uploads/", b"", BASIC, expect=202)
        assert location(answer).startswith(f"/v2/{NAME}/blobs/uploads/")
        target = with_query(location(answer), f"digest={digest_of(b'abc')}")
        client.request("PUT", target, b"abc", BASIC, expect=201)
        assert client.request("GET", f"/v2/{NAME}/blobs/{digest_of(b'abc')}").status == 401


def test_nginx_spools_no_upload(front: tuple[int, Path], server: Server, client: Client) -> None:
    """The registry has the first bytes while the client still sends."""
    port, authority = front
    content = random.Random(1).randbytes(8 * MIB)
    upload = client.begin_upload(NAME)
    tls = ssl.create_default_context(cafile=str(authority))
    announced = {**BASIC, "Content-Length": str(len(content)), "Content-Type": "application/octet-stream"}
    with closing(
        tls.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30), server_hostname="localhost")
    ) as connection:
        connection.sendall(head("PATCH", upload, announced) + content[: 4 * MIB])
        deadline = time.monotonic() + 10
        while not any(data.stat().st_size >= 2 * MIB for data in server.data.rglob("_uploads/*/data")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        connection.sendall(content[4 * MIB :])
        answer = read_answer(connection, "PATCH")
    assert answer.status == 202
    client.finish_upload(location(answer), digest_of(content))
