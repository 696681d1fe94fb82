"""Slow clients cost no memory, however large what they move."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.live.support.certificates import make_certificates
from tests.live.support.client import location
from tests.live.support.server import Server

pytestmark = pytest.mark.live

MIB = 1024 * 1024
CLIENTS = 32
GROWTH_LIMIT = 64 * MIB
# Each transfer takes about this long, unless that would be faster than a slow client is.
SECONDS = 8.0
FASTEST = 8 * MIB
PIECE = 256 * 1024
BLOCK = random.Random(1).randbytes(MIB)
NAME = "memory/app"


def _pieces(total: int, fast: bool) -> Iterator[int]:
    """Sizes that add up to `total`, handed out at the pace of a slow client, or at once."""
    rate = float("inf") if fast else min(total / SECONDS, FASTEST)
    began = time.monotonic()
    for done in range(0, total, PIECE):
        time.sleep(max(0.0, began + done / rate - time.monotonic()))
        yield min(PIECE, total - done)


def _upload(server: Server, content_digest: str, size: int, fast: bool = False) -> None:
    with server.client(timeout=120) as client:
        upload = client.begin_upload(NAME)
        body = (BLOCK[:piece] for piece in _pieces(size, fast))
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        upload = location(client.request("PATCH", upload, body, headers, expect=202))
        client.finish_upload(upload, content_digest)


def _download(server: Server, content_digest: str, size: int, fast: bool = False) -> None:
    with server.client(timeout=120) as client:
        response = client.stream(f"/v2/{NAME}/blobs/{content_digest}")
        assert response.status == 200
        got = sum(len(response.read(piece)) for piece in _pieces(size, fast))
        assert got == size


@pytest.mark.parametrize("transport", ["plain", "tls"])
def test_64_slow_transfers_grow_memory_by_less_than_64_mib(
    kind: str, transport: str, tmp_path: Path, pytestconfig: pytest.Config, figure: Callable[[str], None]
) -> None:
    size: int = pytestconfig.getoption("--transfer-mib") * MIB
    # Everything that is sent is the beginning of the block, again and again.
    content = hashlib.sha256()
    for _ in range(size // PIECE):
        content.update(BLOCK[:PIECE])
    digest = f"sha256:{content.hexdigest()}"
    with _server(kind, transport, tmp_path) as server:
        _upload(server, digest, size, fast=True)
        _download(server, digest, size, fast=True)
        idle = server.resident()
        server.forget_peak()
        with ThreadPoolExecutor(2 * CLIENTS) as pool:
            transfers = [
                pool.submit(transfer, server, digest, size) for transfer in (_upload, _download) for _ in range(CLIENTS)
            ]
            for transfer in transfers:
                transfer.result()
        growth = server.peak() - idle
        figure(
            f"{transport}, {size // MIB} MiB each: {idle / MIB:.1f} MiB idle, {growth / MIB:.1f} MiB more under load"
        )
        assert growth < GROWTH_LIMIT
        assert server.defects() == []


def _server(kind: str, transport: str, workspace: Path) -> Server:
    if transport == "plain":
        return Server(kind, workspace)
    certificates = make_certificates(workspace, "localhost")
    tls = {"certificate": str(certificates.certificate), "key": str(certificates.key)}
    return Server(kind, workspace, settings={"http": {"tls": tls}}, authority=certificates.authority)
