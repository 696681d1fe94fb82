"""Bad input gets a clear answer, and harms nothing."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path

import pytest

from tests.live.support.client import MANIFEST, Answer, Client, artifact_manifest, digest_of, location, with_query
from tests.live.support.corpus.case import Case
from tests.live.support.corpus.documents import MANIFEST_LIMIT, manifests
from tests.live.support.corpus.heads import CHUNKS, heads
from tests.live.support.corpus.targets import paths, queries
from tests.live.support.raw import head, read_answer
from tests.live.support.server import Server

pytestmark = pytest.mark.live

CASES = list(chain(paths(), queries(), manifests(), heads()))
# Of the specification ("Error Codes"), and those that Distribution has beside them.
CODES = {
    *("BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"),
    *("MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED"),
    *("DENIED", "UNSUPPORTED", "TOOMANYREQUESTS"),
    *("RANGE_INVALID", "TAG_INVALID", "MANIFEST_UNVERIFIED", "PAGINATION_NUMBER_INVALID", "UNAVAILABLE", "UNKNOWN"),
}
BLOB = b"0123456789"


@pytest.fixture(scope="module")
def shared(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all cases, with a little content."""
    with Server(kind, tmp_path_factory.mktemp("bad") / "server") as running:
        with running.client() as client:
            client.push_artifact("seed", "1", BLOB)
        yield running


@pytest.fixture(autouse=True)
def unharmed(shared: Server) -> Iterator[None]:
    """Whatever a test sent: nothing new in the log, no file where none belongs, and still in service."""
    defects, files = shared.defects(), _stray_files(shared)
    yield
    with shared.client() as client:
        client.request("GET", "/v2/", expect=200)
        assert client.blob("seed", digest_of(BLOB)) == BLOB
    assert shared.defects() == defects
    assert _stray_files(shared) == files


def _stray_files(server: Server) -> set[Path]:
    """What lies outside the registry's own two folders."""
    roots = [server.data / "docker/registry/v2" / name for name in ("blobs", "repositories")]
    return {
        path
        for path in server.data.parent.parent.rglob("*")
        if path.is_file() and not any(path.is_relative_to(root) for root in roots)
    }


def _exchange(server: Server, request: bytes) -> Answer:
    with closing(server.connect()) as connection:
        # The server may answer, and close, before it has seen all of it.
        with suppress(ConnectionError):
            connection.sendall(request)
        return read_answer(connection)


def _assert_clear(answer: Answer) -> None:
    """'the response body ... MUST be ... JSON' of a list of errors, each with a code of capitals and underscores."""
    errors = json.loads(answer.body)["errors"]
    assert errors
    for error in errors:
        assert error["code"] in CODES
        assert isinstance(error.get("message", ""), str)
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.body)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_request_is_refused_clearly(shared: Server, case: Case) -> None:
    answer = _exchange(shared, case.request)
    assert answer.status in case.statuses, answer.body[:500]
    if answer.status >= 400:
        _assert_clear(answer)
        assert not case.codes or set(answer.codes) <= set(case.codes)


@pytest.mark.parametrize(
    ("wanted", "statuses"),
    [
        ("bytes=500-", (416,)),
        ("bytes=10-10", (416,)),
        ("bytes=-0", (416,)),
        # RFC 9110, 14.2: "A server MAY ignore the Range header field."
        ("bytes=5-2", (200, 416)),
        ("bytes=a-b", (200, 416)),
        ("bytes=", (200, 416)),
        ("lines=1-2", (200, 416)),
        ("bytes=0-1,4-5", (200, 206, 416)),
        ("bytes=" + ",".join(["0-0"] * 2000), (200, 206, 416)),
        ("bytes=" + "9" * 5000 + "-", (200, 416)),
        ("bytes=0-" + "9" * 5000, (200, 206, 416)),
        ("bytes=-" + "9" * 5000, (200, 206, 416)),
        ("bytes=\u0663-", (200, 400, 416)),
    ],
)
def test_a_range_that_makes_no_sense_is_ignored_or_refused(
    shared: Server, wanted: str, statuses: tuple[int, ...]
) -> None:
    answer = _exchange(shared, head("GET", f"/v2/seed/blobs/{digest_of(BLOB)}", {"Range": wanted}))
    assert answer.status in statuses
    if answer.status >= 400:
        _assert_clear(answer)
    if answer.status == 200:
        assert answer.body == BLOB


@pytest.mark.parametrize(
    ("content_range", "statuses"),
    [
        ("5-14", (416,)),
        ("0-", (400, 416)),
        ("-5", (400, 416)),
        ("9-0", (400, 416)),
        ("a-b", (400, 416)),
        ("0-" + "9" * 5000, (400, 416)),
        ("0-3", (400, 416)),
        ("-1-8", (400, 416)),
        ("0-9, 0-9", (400, 416)),
        ("", (202, 400, 416)),
    ],
)
def test_a_chunk_out_of_order_is_refused_and_the_session_lives_on(
    shared: Server, content_range: str, statuses: tuple[int, ...]
) -> None:
    """'If a chunk is uploaded out of order, the registry MUST respond with a `416 Requested Range Not Satisfiable`'."""
    with shared.client() as client:
        upload = client.begin_upload("chunks")
        headers = {"Content-Type": "application/octet-stream", "Content-Range": content_range}
        answer = client.request("PATCH", upload, BLOB, headers)
        assert answer.status in statuses
        if answer.status >= 400:
            _assert_clear(answer)
            upload = location(client.request("GET", upload, expect=204))
            client.finish_upload(upload, digest_of(BLOB), BLOB)


@pytest.mark.parametrize(("chunks", "statuses"), CHUNKS.values(), ids=CHUNKS)
def test_a_body_in_broken_chunks_is_refused_and_the_session_lives_on(
    shared: Server, chunks: bytes, statuses: tuple[int, ...]
) -> None:
    with shared.client() as client:
        upload = client.begin_upload("chunks")
        chunked = {"Transfer-Encoding": "chunked", "Content-Type": "application/octet-stream"}
        answer = _exchange(shared, head("PATCH", upload, chunked) + chunks)
        assert answer.status in statuses
        if answer.status >= 400:
            _assert_clear(answer)
        client.request("GET", upload, expect=204)


def test_a_session_of_one_repository_is_unknown_in_another(shared: Server) -> None:
    with shared.client() as client:
        upload = client.begin_upload("mine")
        stolen = upload.replace("/mine/", "/yours/")
        for method, target in (
            ("GET", stolen),
            ("PATCH", stolen),
            ("PUT", with_query(stolen, f"digest={digest_of(BLOB)}")),
            ("DELETE", stolen),
        ):
            answer = client.request(method, target, BLOB if method in ("PATCH", "PUT") else None)
            assert answer.status == 404
            _assert_clear(answer)
        client.finish_upload(upload, digest_of(BLOB), BLOB)


def test_a_manifest_of_exactly_the_limit_is_accepted(shared: Server) -> None:
    """'registries SHOULD … accept manifests of at least 4 megabytes'."""
    with shared.client() as client:
        client.push_artifact("large", "small", BLOB)
        bare = artifact_manifest(digest_of(BLOB), len(BLOB), annotations={"padding": ""})
        padding = "p" * (MANIFEST_LIMIT - len(bare))
        content = artifact_manifest(digest_of(BLOB), len(BLOB), annotations={"padding": padding})
        assert len(content) == MANIFEST_LIMIT
        client.push_manifest("large", "exact", content)
        assert client.manifest("large", "exact").body == content


def test_answers_to_pipelined_requests_come_in_order(shared: Server) -> None:
    with closing(shared.connect()) as connection:
        connection.sendall(
            head("GET", f"/v2/seed/blobs/{digest_of(BLOB)}") + head("GET", "/v2/none/tags/list") + head("GET", "/v2/")
        )
        received = connection.makefile("rb")
        statuses = []
        for _ in range(3):
            statuses.append(int(received.readline().split()[1]))
            length = 0
            while (line := received.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            received.read(length)
    assert statuses == [200, 404, 200]


def test_what_follows_a_broken_request_is_never_answered(shared: Server) -> None:
    """A proxy in front may have counted it as the body: whoever sent it must not get a second answer."""
    smuggled = head("GET", f"/v2/seed/blobs/{digest_of(BLOB)}")
    both = {"Content-Length": "3", "Transfer-Encoding": "chunked"}
    first = head("POST", "/v2/a/blobs/uploads/", both) + b"0\r\n\r\n"
    with closing(shared.connect()) as connection:
        connection.sendall(first + smuggled)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("target", ["/v2", "//evil.example/v2", "/v2//", "/v2/../v2/"])
def test_nobody_is_sent_to_a_host_that_the_request_named(shared: Server, target: str) -> None:
    request = (
        f"GET {target} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n"
        "X-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\n\r\n"
    )
    answer = _exchange(shared, request.encode())
    assert answer.status < 500
    assert "evil.example" not in answer.headers.get("Location", "")


def test_a_location_names_no_host_that_the_request_did(shared: Server) -> None:
    forwarded = {"Content-Length": "0", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    request = head("POST", "/v2/a/blobs/uploads/", forwarded)
    # RFC 9112, 3.2.2: "a server MUST accept the absolute-form in requests".
    absolute = request.replace(b"POST /", b"POST http://evil.example/", 1)
    for sent in (request, absolute):
        answer = _exchange(shared, sent)
        assert answer.status in (202, 400)
        assert answer.headers.get("Location", "/v2/a/blobs/uploads/").startswith("/v2/a/blobs/uploads/")


def test_an_announced_upgrade_is_ignored(shared: Server) -> None:
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    assert _exchange(shared, head("GET", "/v2/", upgrade)).status == 200


def test_a_body_with_an_upgrade_is_read_as_a_body(shared: Server) -> None:
    with shared.client() as client:
        upload = client.begin_upload("upgrade")
        target = with_query(upload, f"digest={digest_of(BLOB)}")
        headers = {"Connection": "Upgrade", "Upgrade": "h2c", "Content-Type": "application/octet-stream"}
        client.request("PUT", target, BLOB, headers, expect=201)
        assert client.blob("upgrade", digest_of(BLOB)) == BLOB


def test_a_client_that_goes_away_at_any_point_leaves_a_server_in_service(shared: Server) -> None:
    request = head("PUT", "/v2/seed/manifests/gone", {"Content-Length": "10", "Content-Type": MANIFEST}) + b"{}"
    for cut in range(0, len(request), 7):
        with closing(shared.connect()) as connection:
            connection.sendall(request[:cut])
    with shared.client() as client:
        assert client.request("GET", "/v2/seed/manifests/gone").status == 404


def test_idle_and_dripping_connections_do_not_keep_others_waiting(shared: Server) -> None:
    idle = [shared.connect() for _ in range(200)]
    try:
        for connection in idle:
            connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: loc")
        began = time.monotonic()
        with shared.client(timeout=10) as client:
            for _ in range(20):
                client.request("GET", "/v2/", expect=200)
        assert time.monotonic() - began < 10
    finally:
        for connection in idle:
            connection.close()


def test_a_digest_that_does_not_match_is_refused_and_nothing_is_kept(shared: Server) -> None:
    wrong = digest_of(b"something else")
    with shared.client() as client:
        for way in ("PUT", "PATCH", "POST"):
            answer = _push_wrongly(client, way, wrong)
            assert answer.status == 400
            assert answer.codes == ["DIGEST_INVALID"]
            assert client.request("GET", f"/v2/wrong/blobs/{wrong}").status == 404
            assert client.request("GET", f"/v2/wrong/blobs/{digest_of(BLOB)}").status == 404


def _push_wrongly(client: Client, way: str, wrong: str) -> Answer:
    octets = {"Content-Type": "application/octet-stream"}
    if way == "POST":
        return client.request("POST", f"/v2/wrong/blobs/uploads/?digest={wrong}", BLOB, octets)
    upload = client.begin_upload("wrong")
    if way == "PUT":
        return client.request("PUT", with_query(upload, f"digest={wrong}"), BLOB, octets)
    upload = location(client.request("PATCH", upload, BLOB, octets, expect=202))
    return client.request("PUT", with_query(upload, f"digest={wrong}"), b"", octets)
