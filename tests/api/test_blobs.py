"""Blobs: GET, HEAD, Range and DELETE."""

from __future__ import annotations

import pytest

from tests.api.client import Client
from tests.registry.world import OTHER
from txregistry.api.guard import Guard
from txregistry.oci.digest import Digest

CONTENT = bytes(range(256)) * 4
DIGEST = Digest.of(CONTENT)
URL = f"/v2/library/app/blobs/{DIGEST}"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.world.push_blob(CONTENT)
    return client


def test_a_blob_is_given_whole_with_its_digest(client: Client) -> None:
    """distribution-spec, Pulling blobs: "A successful response SHOULD contain the digest of the uploaded blob in the
    header Docker-Content-Digest"."""
    answer = client("GET", URL)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["docker-content-digest"] == str(DIGEST)
    assert answer.headers["etag"] == f'"{DIGEST}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


def test_head_tells_the_length_and_opens_nothing(client: Client) -> None:
    answer = client("HEAD", URL)
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "1024", b"")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_blob_that_the_repository_lacks_is_unknown_although_the_store_has_it(client: Client, method: str) -> None:
    """CVE-2024-39897: any blob could be had through a repository that never had it."""
    answer = client(method, f"/v2/{OTHER}/blobs/{DIGEST}")
    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=500-", 500, 1023), ("bytes=-24", 1000, 1023), ("bytes=1000-5000", 1000, 1023)],
)
def test_a_range_is_given_exactly(client: Client, asked: str, first: int, last: int) -> None:
    answer = client("GET", URL, range=asked)
    assert (answer.status, answer.body) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/1024"


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-10000", "bytes=500-0", "bytes=-0"])
def test_a_range_outside_of_the_blob_is_refused_with_its_size(client: Client, asked: str) -> None:
    answer = client("GET", URL, range=asked)
    assert (answer.status, answer.code) == (416, "RANGE_INVALID")
    assert answer.headers["content-range"] == "bytes */1024"


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=a-b", "bytes=0-1,5-6", "bytes", ""])
def test_a_range_that_is_not_understood_is_ignored(client: Client, asked: str) -> None:
    """RFC 9110 §14.2: "A server MAY ignore the Range header field"."""
    answer = client("GET", URL, range=asked)
    assert (answer.status, answer.body) == (200, CONTENT)


def test_a_range_of_another_version_is_answered_whole(client: Client) -> None:
    """RFC 9110 §13.1.5, If-Range."""
    assert client("GET", URL, range="bytes=0-1", if_range='"other"').status == 200
    assert client("GET", URL, range="bytes=0-1", if_range=f'"{DIGEST}"').status == 206


@pytest.mark.parametrize("tag", [f'"{DIGEST}"', str(DIGEST), f'W/"{DIGEST}"', f'"x", "{DIGEST}"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_copy_that_is_still_right_is_not_sent_again(client: Client, method: str, tag: str) -> None:
    answer = client(method, URL, if_none_match=tag)
    assert (answer.status, answer.body) == (304, b"")


def test_a_missing_blob_is_not_called_unchanged(client: Client) -> None:
    missing = Digest.of(b"missing")
    assert client("GET", f"/v2/library/app/blobs/{missing}", if_none_match=f'"{missing}"').status == 404


def test_a_deleted_blob_is_gone_at_once_and_stays_in_other_repositories(client: Client) -> None:
    assert client("POST", f"/v2/{OTHER}/blobs/uploads/?mount={DIGEST}&from=library/app").status == 201
    assert client("DELETE", URL).status == 202
    assert client("GET", URL).status == 404
    assert client("DELETE", URL).status == 404
    assert client("GET", f"/v2/{OTHER}/blobs/{DIGEST}").body == CONTENT


def test_deleting_can_be_switched_off() -> None:
    client = Client(guard=Guard(read_only=False, deletes=False))
    client.world.push_blob(CONTENT)
    answer = client("DELETE", URL)
    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    assert client("GET", URL).status == 200


@pytest.mark.parametrize(
    "digest", ["sha256:abc", "sha256:" + "A" * 64, "md5:" + "a" * 32, "sha256:" + "g" * 64, "sha256", "uploads"]
)
def test_what_is_no_digest_is_refused(client: Client, digest: str) -> None:
    answer = client("GET", f"/v2/library/app/blobs/{digest}")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
