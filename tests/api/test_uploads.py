"""Uploads over HTTP: every way to push a blob."""

from __future__ import annotations

import re

import pytest

from tests.api.client import Answer, Client
from tests.registry.world import OTHER
from txregistry.oci.digest import Digest

UPLOADS = "/v2/library/app/blobs/uploads/"
CONTENT = b"some content"
DIGEST = Digest.of(CONTENT)


def _begin(client: Client, query: str = "") -> str:
    answer = client("POST", UPLOADS + query)
    assert answer.status == 202
    return answer.headers["location"]


def _assert_pullable(client: Client, answer: Answer, content: bytes = CONTENT) -> None:
    assert answer.status == 201
    assert client("GET", answer.headers["location"]).body == content


def test_a_session_begins_with_a_location_an_id_and_an_empty_range() -> None:
    answer = Client()("POST", UPLOADS)
    upload = answer.headers["docker-upload-uuid"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", upload)
    assert answer.headers["location"] == UPLOADS + upload
    assert answer.headers["range"] == "0-0"


def test_without_the_slash_at_the_end_it_is_the_same_endpoint() -> None:
    assert Client()("POST", UPLOADS.rstrip("/")).status == 202


def test_a_blob_is_pushed_as_docker_does() -> None:
    client = Client()
    location = _begin(client)
    answer = client("PATCH", location, CONTENT)
    assert (answer.status, answer.headers["range"]) == (202, f"0-{len(CONTENT) - 1}")
    answer = client("PUT", f"{answer.headers['location']}?digest={DIGEST}")
    assert answer.headers["docker-content-digest"] == str(DIGEST)
    _assert_pullable(client, answer)


def test_a_blob_is_pushed_with_post_and_put() -> None:
    client = Client()
    _assert_pullable(client, client("PUT", f"{_begin(client)}?digest={DIGEST}", CONTENT))


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_is_pushed_with_a_single_post(algorithm: str) -> None:
    client = Client()
    digest = Digest.of(CONTENT, algorithm)
    answer = client("POST", f"{UPLOADS}?digest={digest}", CONTENT)
    assert answer.headers["location"] == f"/v2/library/app/blobs/{digest}"
    _assert_pullable(client, answer)


def test_a_single_post_without_bytes_begins_a_session() -> None:
    assert Client()("POST", f"{UPLOADS}?digest={DIGEST}").status == 202


def test_a_blob_is_pushed_in_chunks() -> None:
    """distribution-spec, Pushing a blob in chunks."""
    client = Client()
    location = _begin(client)
    assert client("PATCH", location, CONTENT[:5], content_range="0-4").status == 202
    assert client("PATCH", location, CONTENT[5:9], content_range="5-8").headers["range"] == "0-8"
    answer = client("PUT", f"{location}?digest={DIGEST}", CONTENT[9:], content_range=f"9-{len(CONTENT) - 1}")
    _assert_pullable(client, answer)


@pytest.mark.parametrize(("method", "query"), [("PATCH", ""), ("PUT", f"?digest={DIGEST}")])
def test_a_chunk_out_of_order_gets_416_and_where_to_go_on(method: str, query: str) -> None:
    """distribution-spec: "If a chunk is uploaded out of order, the registry MUST respond with a 416 Requested Range Not
    Satisfiable code"."""
    client = Client()
    location = _begin(client)
    client("PATCH", location, CONTENT[:5], content_range="0-4")
    answer = client(method, location + query, b"x", content_range="7-7")
    assert (answer.status, answer.code) == (416, "RANGE_INVALID")
    assert (answer.headers["range"], answer.headers["location"]) == ("0-4", location)
    status = client("GET", location)
    assert (status.status, status.headers["range"], status.headers["location"]) == (204, "0-4", location)
    _assert_pullable(client, client("PUT", f"{location}?digest={DIGEST}", CONTENT[5:]))


@pytest.mark.parametrize("header", ["bytes", "5", "a-b", "-5", "5-", "5-4", "0--1", "0-" + "9" * 5000])
def test_a_content_range_that_is_none_is_refused(header: str) -> None:
    client = Client()
    answer = client("PATCH", _begin(client), b"12345", content_range=header)
    assert (answer.status, answer.code) == (400, "RANGE_INVALID")


def test_a_chunk_of_another_length_than_its_range_is_refused() -> None:
    client = Client()
    answer = client("PATCH", _begin(client), b"12345", content_range="0-9")
    assert (answer.status, answer.code) == (400, "SIZE_INVALID")


@pytest.mark.parametrize("digest", ["", "sha256:abc", "sha256:" + "A" * 64, "md5:" + "0" * 32])
def test_a_digest_that_is_none_is_refused_and_the_session_lives(digest: str) -> None:
    client = Client()
    location = _begin(client)
    client("PATCH", location, CONTENT)
    answer = client("PUT", f"{location}?digest={digest}")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert client("PUT", location).code == "DIGEST_INVALID"
    _assert_pullable(client, client("PUT", f"{location}?digest={DIGEST}"))


def test_a_digest_of_other_content_is_refused() -> None:
    client = Client()
    wrong = Digest.of(b"wrong")
    for answer in (
        client("PUT", f"{_begin(client)}?digest={wrong}", CONTENT),
        client("POST", f"{UPLOADS}?digest={wrong}", CONTENT),
    ):
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert client("HEAD", f"/v2/library/app/blobs/{wrong}").status == 404


def test_a_cancelled_upload_is_gone() -> None:
    client = Client()
    location = _begin(client)
    assert client("DELETE", location).status == 204
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = client(method, f"{location}?digest={DIGEST}")
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("upload", ["x", "..", "%2e%2e", "a" * 300, "00000000-0000-0000-0000-00000000000G"])
def test_what_is_no_upload_id_is_unknown(upload: str) -> None:
    assert Client()("GET", UPLOADS + upload).status == 404


def test_a_blob_is_mounted_from_another_repository() -> None:
    client = Client()
    client.world.push_blob(CONTENT, OTHER)
    answer = client("POST", f"{UPLOADS}?mount={DIGEST}&from={OTHER}")
    assert answer.headers["docker-content-digest"] == str(DIGEST)
    _assert_pullable(client, answer)


def test_a_blob_is_mounted_from_anywhere_when_no_repository_is_named() -> None:
    """distribution-spec: "The `from` query parameter is optional … the registry MAY … mount the blob automatically"."""
    client = Client()
    client.world.push_blob(CONTENT, OTHER)
    _assert_pullable(client, client("POST", f"{UPLOADS}?mount={DIGEST}"))


@pytest.mark.parametrize("query", [f"?mount={DIGEST}", f"?mount={DIGEST}&from={OTHER}"])
def test_a_mount_of_what_is_not_there_begins_a_session(query: str) -> None:
    """distribution-spec: "if a registry does not support cross-repository mounting or is unable to mount the requested
    blob, it SHOULD return a 202"."""
    client = Client()
    _assert_pullable(client, client("PUT", f"{_begin(client, query)}?digest={DIGEST}", CONTENT))


def test_a_mount_from_a_repository_that_lacks_the_blob_begins_a_session() -> None:
    client = Client()
    client.world.push_blob(CONTENT, OTHER)
    assert client("POST", f"{UPLOADS}?mount={DIGEST}&from=nobody").status == 202


def test_bad_mounts_are_refused() -> None:
    client = Client()
    assert client("POST", f"{UPLOADS}?mount=x&from=a").code == "DIGEST_INVALID"
    assert client("POST", f"{UPLOADS}?mount={DIGEST}&from=../a").code == "NAME_INVALID"
    assert client("POST", f"{UPLOADS}?digest-algorithm=md5").code == "DIGEST_INVALID"
