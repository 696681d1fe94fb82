"""Manifests over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.api.client import Client
from tests.registry.world import APP, described, index, manifest
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.names import Tag

MANIFESTS = "/v2/library/app/manifests/"
OCI = {"content_type": mediatypes.OCI_MANIFEST}


def test_a_pushed_manifest_is_pulled_by_tag_and_by_digest() -> None:
    client = Client()
    content = client.world.image()
    digest = Digest.of(content)
    answer = client("PUT", f"{MANIFESTS}latest", content, **OCI)
    assert answer.status == 201
    assert answer.headers["location"] == f"{MANIFESTS}{digest}"
    assert answer.headers["docker-content-digest"] == str(digest)
    for reference in ("latest", digest):
        pulled = client("GET", f"{MANIFESTS}{reference}")
        assert (pulled.status, pulled.body) == (200, content)
        assert pulled.headers["content-type"] == mediatypes.OCI_MANIFEST
        assert pulled.headers["docker-content-digest"] == str(digest)
        head = client("HEAD", f"{MANIFESTS}{reference}")
        assert (head.status, head.headers["content-length"]) == (200, str(len(content)))


def test_parameters_of_the_content_type_are_ignored_and_not_given_back() -> None:
    client = Client()
    answer = client(
        "PUT", f"{MANIFESTS}latest", client.world.image(), content_type=f"{mediatypes.OCI_MANIFEST}; charset=utf-8"
    )
    assert answer.status == 201
    assert client("GET", f"{MANIFESTS}latest").headers["content-type"] == mediatypes.OCI_MANIFEST


def test_tags_of_the_query_are_set_and_told() -> None:
    """distribution-spec, end-7b: "`OCI-Tag` … for each tag"; "Registries SHOULD support at least 10 tags"."""
    client = Client()
    content = client.world.image()
    tags = [f"t{n}" for n in range(12)]
    query = "&".join(f"tag={tag}" for tag in tags)
    answer = client("PUT", f"{MANIFESTS}{Digest.of(content)}?{query}", content, **OCI)
    assert [value.decode() for name, value in answer.response.headers if name == b"OCI-Tag"] == tags
    assert client("GET", "/v2/library/app/tags/list").document["tags"] == sorted(tags)


def test_a_bad_tag_of_the_query_is_refused_before_anything_is_stored() -> None:
    client = Client()
    content = client.world.image()
    answer = client("PUT", f"{MANIFESTS}{Digest.of(content)}?tag=ok&tag=-bad", content, **OCI)
    assert (answer.status, answer.code) == (400, "TAG_INVALID")
    assert client("GET", f"{MANIFESTS}{Digest.of(content)}").status == 404


def test_a_subject_is_told_back() -> None:
    """distribution-spec, Pushing Manifests with Subject: "the registry MUST respond with the response header
    `OCI-Subject: <subject digest>`"."""
    client = Client()
    subject = Digest.of(b"subject")
    content = client.world.image(subject=described(subject))
    assert client("PUT", f"{MANIFESTS}x", content, **OCI).headers["oci-subject"] == str(subject)


def test_a_manifest_of_exactly_four_mebibytes_is_accepted_and_one_byte_more_is_not() -> None:
    """distribution-spec: "registries SHOULD enforce some limit … 413"; CVE-2017-11468."""
    client = Client()
    content = client.world.image()
    full = content + b" " * (4 * 1024 * 1024 - len(content))
    assert client("PUT", f"{MANIFESTS}x", full, **OCI).status == 201
    answer = client("PUT", f"{MANIFESTS}x", full + b" ", **OCI)
    assert (answer.status, answer.code) == (413, "MANIFEST_INVALID")


def test_missing_blobs_are_named() -> None:
    """distribution-spec: "If the manifest references … do not exist … MUST … `MANIFEST_BLOB_UNKNOWN`"."""
    missing = Digest.of(b"missing")
    answer = Client()("PUT", f"{MANIFESTS}x", manifest(missing, []), **OCI)
    assert (answer.status, answer.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert answer.document["errors"][0]["detail"] == [str(missing)]


@pytest.mark.parametrize(
    ("reference", "code"),
    [("-x", "TAG_INVALID"), ("x" * 129, "TAG_INVALID"), ("ü", "TAG_INVALID"), ("sha256:1", "DIGEST_INVALID")],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_is_no_reference_is_refused(method: str, reference: str, code: str) -> None:
    answer = Client()(method, f"{MANIFESTS}{reference}", b"{}" if method == "PUT" else b"", **OCI)
    assert (answer.status, answer.code) == (400, code)


def test_an_unknown_manifest_is_unknown() -> None:
    client = Client()
    for target in (f"{MANIFESTS}x", f"{MANIFESTS}{Digest.of(b'x')}", "/v2/nobody/manifests/x"):
        for method in ("GET", "HEAD", "DELETE"):
            answer = client(method, target)
            assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")


def test_a_copy_that_is_still_right_is_not_sent_again() -> None:
    client = Client()
    digest, _ = client.world.push_image()
    answer = client("GET", f"{MANIFESTS}latest", if_none_match=f'"{digest}"')
    assert (answer.status, answer.body) == (304, b"")


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", mediatypes.DOCKER_MANIFEST])
def test_a_manifest_is_served_as_stored_whatever_is_accepted(accept: str | None) -> None:
    """vscode-docker#4348 and others: Distribution answers 404 to a client that does not name the type."""
    client = Client()
    _, content = client.world.push_image()
    headers = {} if accept is None else {"accept": accept}
    assert client("GET", f"{MANIFESTS}latest", **headers).body == content


def _index_client() -> tuple[Client, bytes, bytes]:
    client = Client()
    digest, image = client.world.push_image(tag=None)
    listed = json.loads(index(digest))
    listed["manifests"][0]["platform"] = {"os": "linux", "architecture": "amd64"}
    content = json.dumps(listed).encode()
    answer = client("PUT", f"{MANIFESTS}multi", content, content_type=mediatypes.OCI_INDEX)
    assert answer.status == 201
    return client, content, image


def test_a_client_that_reads_single_images_gets_that_of_the_usual_platform() -> None:
    client, _, image = _index_client()
    answer = client("GET", f"{MANIFESTS}multi", accept=mediatypes.OCI_MANIFEST)
    assert answer.body == image
    assert answer.headers["docker-content-digest"] == str(Digest.of(image))


@pytest.mark.parametrize("accept", [None, "*/*", f"{mediatypes.OCI_MANIFEST}, {mediatypes.OCI_INDEX}", "text/html"])
def test_everybody_else_gets_the_index(accept: str | None) -> None:
    client, content, _ = _index_client()
    headers = {} if accept is None else {"accept": accept}
    assert client("GET", f"{MANIFESTS}multi", **headers).body == content


def test_by_digest_an_index_is_always_given_as_it_is() -> None:
    client, content, _ = _index_client()
    answer = client("GET", f"{MANIFESTS}{Digest.of(content)}", accept=mediatypes.OCI_MANIFEST)
    assert answer.body == content


def test_a_tag_is_deleted_alone_and_a_manifest_with_its_tags() -> None:
    client = Client()
    digest, _ = client.world.push_image()
    client.world.push_image(tag=Tag("other"))
    assert client("DELETE", f"{MANIFESTS}latest").status == 202
    assert client("GET", f"{MANIFESTS}other").status == 200
    assert client("DELETE", f"{MANIFESTS}{digest}").status == 202
    for reference in ("latest", "other", digest):
        assert client("GET", f"{MANIFESTS}{reference}").status == 404
    assert client("GET", "/v2/library/app/tags/list").document == {"name": str(APP), "tags": []}
