"""Tags, catalog and referrers over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.api.client import Client
from tests.registry.world import World, described
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName, Tag


@pytest.fixture
def client() -> Client:
    world = World()
    for tag in ("a", "b", "c"):
        world.push_image(tag=Tag(tag))
    for name in ("x", "x/y"):
        world.push_blob(b"content", RepositoryName(name))
    return Client(world, tags_most=2, catalog_most=2)


def _walk(client: Client, target: str, key: str) -> list[list[str]]:
    pages = []
    link: str | None = target
    while link is not None:
        answer = client("GET", link)
        assert answer.status == 200
        pages.append(answer.document[key])
        following = answer.headers.get("link")
        link = None if following is None else following.removeprefix("<").removesuffix('>; rel="next"')
    return pages


def test_tags_are_told_page_by_page(client: Client) -> None:
    assert _walk(client, "/v2/library/app/tags/list?n=2", "tags") == [["a", "b"], ["c"]]
    assert _walk(client, "/v2/library/app/tags/list?n=1&last=a", "tags") == [["b"], ["c"]]


def test_all_tags_are_told_when_no_number_is_asked_for(client: Client) -> None:
    answer = client("GET", "/v2/library/app/tags/list")
    assert answer.document == {"name": "library/app", "tags": ["a", "b", "c"]}
    assert "link" not in answer.headers


def test_a_page_of_tags_is_cut_to_the_most(client: Client) -> None:
    assert _walk(client, "/v2/library/app/tags/list?n=1000", "tags") == [["a", "b"], ["c"]]


def test_no_tags_and_no_link_for_zero(client: Client) -> None:
    answer = client("GET", "/v2/library/app/tags/list?n=0")
    assert answer.document["tags"] == []
    assert "link" not in answer.headers


@pytest.mark.parametrize("target", ["/v2/library/app/tags/list", "/v2/_catalog"])
@pytest.mark.parametrize("n", ["-1", "x", "1e3", "", "9" * 400, "%D9%A3", "1001%00"])
def test_a_number_that_is_none_is_refused(client: Client, target: str, n: str) -> None:
    answer = client("GET", f"{target}?n={n}")
    assert answer.status == 400


def test_tags_of_a_repository_that_is_not_there_are_unknown(client: Client) -> None:
    answer = client("GET", "/v2/nobody/tags/list")
    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


def test_the_catalog_is_told_page_by_page(client: Client) -> None:
    assert _walk(client, "/v2/_catalog", "repositories") == [["library/app", "x"], ["x/y"]]
    assert _walk(client, "/v2/_catalog?n=1&last=library/app", "repositories") == [["x"], ["x/y"]]


def test_a_page_of_the_catalog_above_the_most_is_refused(client: Client) -> None:
    answer = client("GET", "/v2/_catalog?n=3")
    assert (answer.status, answer.code) == (400, "PAGINATION_NUMBER_INVALID")


@pytest.mark.parametrize("last", ["zzz", "%00", "..", "a/../../b", "%F0%9F%8D%BA", "x" * 3000])
def test_any_last_is_only_a_place_in_the_order(client: Client, last: str) -> None:
    for target in ("/v2/_catalog", "/v2/library/app/tags/list"):
        assert client("GET", f"{target}?n=1&last={last}").status in (200, 400)


def test_referrers_are_an_index_also_when_there_are_none(client: Client) -> None:
    """distribution-spec, Listing Referrers: "the registry MUST NOT return a 404 Not Found to a referrers API requests";
    "If the request is invalid, such as a <digest> with an invalid syntax, a 400 Bad Request MUST be returned"."""
    answer = client("GET", f"/v2/nobody/referrers/{Digest.of(b'x')}")
    assert answer.status == 200
    assert answer.headers["content-type"] == mediatypes.OCI_INDEX
    assert answer.document == {"schemaVersion": 2, "mediaType": mediatypes.OCI_INDEX, "manifests": []}
    assert client("GET", "/v2/nobody/referrers/x").code == "DIGEST_INVALID"


def test_a_filter_of_referrers_is_told() -> None:
    world = World()
    subject, _ = world.push_image()
    sbom, content = world.push_image(tag=None, salt="1", subject=described(subject), artifactType="text/sbom")
    world.push_image(tag=None, salt="2", subject=described(subject))
    answer = Client(world)("GET", f"/v2/library/app/referrers/{subject}?artifactType=text%2Fsbom")
    assert answer.headers["oci-filters-applied"] == "artifactType"
    assert answer.document["manifests"] == [
        {
            "mediaType": mediatypes.OCI_MANIFEST,
            "digest": str(sbom),
            "size": len(content),
            "artifactType": "text/sbom",
        }
    ]
    assert json.loads(content)["artifactType"] == "text/sbom"
