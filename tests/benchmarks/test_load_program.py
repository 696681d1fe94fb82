"""What the compiled load program sends, and how it takes what a server answers."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from benchmarks.loads import Load, LoadFailed, LoadReport, compile_load, finish

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler"),
    pytest.mark.skipif(not Path("/usr/include/openssl/ssl.h").exists(), reason="no headers of OpenSSL (libssl-dev)"),
]

CHUNKS = [b"a", b"{" + b"x" * 70_000 + b"}", b"\r\n0\r\n\r\n"]


class Registry(BaseHTTPRequestHandler):
    """Answers like a registry, and keeps what it was given."""

    protocol_version = "HTTP/1.1"
    pushed: dict[str, bytes]
    numbers: Iterator[int]
    framings: list[str]
    ranges: list[str]
    connections: list[int]

    def setup(self) -> None:
        super().setup()
        self.connections.append(id(self))

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        if bounds := self.headers["Range"]:
            self.ranges.append(bounds)
            first, last = map(int, bounds.removeprefix("bytes=").split("-"))
            self.answer(206, bytes(last - first + 1))
        elif self.path == "/endless":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(bytes(100_000))
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in [*CHUNKS, b""]:
                self.wfile.write(b"%X\r\n%b\r\n" % (len(chunk), chunk))
        elif self.path == "/closing":
            self.answer(200, b"last words", Connection="close")
        elif self.path == "/sized":
            self.answer(200, bytes(300_000))
        else:
            self.answer(404)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        # Absolute, as Distribution answers; the PATCH's is relative, as ours.
        self.answer(202, Location=f"http://somewhere:5000{self.path}{next(self.numbers)}?state=begun")

    def do_PATCH(self) -> None:
        self.framings.append(self.headers.get("Transfer-Encoding") or self.headers["Content-Length"])
        upload = urlsplit(self.path)
        assert upload.query == "state=begun"
        self.pushed[upload.path] = self.body()
        self.answer(202, Location=upload.path)

    def do_PUT(self) -> None:
        upload = urlsplit(self.path)
        given = hashlib.sha256(self.pushed[upload.path]).hexdigest()
        self.answer(201 if parse_qs(upload.query) == {"digest": [f"sha256:{given}"]} else 400)

    def body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            assert self.rfile.readline() == b"\r\n"
        assert self.rfile.readline() == b"\r\n"
        return b"".join(pieces)


@pytest.fixture
def registry() -> Iterator[ThreadingHTTPServer]:
    compile_load()
    Registry.pushed, Registry.framings, Registry.connections = {}, [], []
    Registry.ranges, Registry.numbers = [], itertools.count()
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def run(registry: ThreadingHTTPServer, load: Load, seconds: float = 30) -> LoadReport:
    return finish(load.start(f"127.0.0.1:{registry.server_port}", False, seconds, "some/where"))


def test_bodies_with_a_length_and_in_chunks_are_counted_and_the_connection_is_kept(
    registry: ThreadingHTTPServer,
) -> None:
    report = run(registry, Load("get", ("/sized", "/chunked"), count=10))
    assert (report.operations, report.bytes) == (10, 5 * (300_000 + sum(map(len, CHUNKS))))
    assert len(Registry.connections) == 1


def test_the_length_in_an_answer_to_head_is_not_waited_for(registry: ThreadingHTTPServer) -> None:
    report = run(registry, Load("head", ("/sized",), clients=4, count=100))
    assert (report.operations, report.bytes) == (100, 0)


def test_a_connection_that_the_server_closes_is_opened_again(registry: ThreadingHTTPServer) -> None:
    report = run(registry, Load("get", ("/closing",), count=5))
    assert report.operations == 5
    assert len(Registry.connections) >= 5


def test_an_answer_that_is_not_the_expected_one_fails_the_load(registry: ThreadingHTTPServer) -> None:
    with pytest.raises(LoadFailed, match="status 404"):
        run(registry, Load("get", ("/sized", "/absent"), count=5))


def test_an_expected_refusal_is_an_operation_like_any_other(registry: ThreadingHTTPServer) -> None:
    assert run(registry, Load("head", ("/absent",), count=5, expect=404)).operations == 5
    with pytest.raises(LoadFailed, match="status 200"):
        run(registry, Load("head", ("/sized",), count=5, expect=404))


def test_slices_of_a_blob_are_asked_for_in_turn_by_all_clients_together(registry: ThreadingHTTPServer) -> None:
    report = run(registry, Load("get", ("/sized",), clients=2, size=250, slice=100, count=6))
    assert report.operations == 6
    assert sorted(Registry.ranges) == sorted(["bytes=0-99", "bytes=100-199", "bytes=200-299"] * 2)


def test_a_load_that_is_cut_counts_what_came_until_then(registry: ThreadingHTTPServer) -> None:
    report = run(registry, Load("get", ("/endless",), cut=True), seconds=0.3)
    assert report.operations == 0
    assert 0 < report.bytes < 1 << 40


@pytest.mark.parametrize(("size", "chunk", "framing"), [(5, 0, "5"), (1024, 0, "1024"), (900_001, 32_768, "chunked")])
def test_pushed_contents_have_their_digests_and_differ(
    registry: ThreadingHTTPServer, size: int, chunk: int, framing: str
) -> None:
    report = run(registry, Load("push", clients=3, size=size, chunk=chunk, count=20))
    assert (report.operations, report.bytes) == (20, 20 * size)
    assert set(Registry.framings) == {framing}
    assert [len(content) for content in Registry.pushed.values()] == [size] * 20
    assert len(set(Registry.pushed.values())) == 20


def test_a_limited_client_takes_at_least_the_time_that_its_rate_makes(registry: ThreadingHTTPServer) -> None:
    report = run(registry, Load("get", ("/sized",), count=1, rate=1_500_000))
    assert report.bytes == 300_000
    assert report.seconds > 0.15
