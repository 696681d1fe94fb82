"""Deleting whole repositories by the administrative route."""

from __future__ import annotations

import pytest

from tests.api.client import Client
from tests.registry.world import APP
from txregistry.oci.names import RepositoryName

ROUTE = "/v2/_txregistry/repositories"


def test_a_repository_is_deleted_whole() -> None:
    client = Client()
    client.world.push_image()
    assert client("DELETE", f"{ROUTE}/{APP}").status == 202
    assert client("GET", "/v2/_catalog").document == {"repositories": []}
    assert client("GET", f"/v2/{APP}/manifests/latest").code == "MANIFEST_UNKNOWN"
    assert client("GET", f"/v2/{APP}/tags/list").code == "NAME_UNKNOWN"


def test_an_unknown_repository_is_told() -> None:
    answer = Client()("DELETE", f"{ROUTE}/{APP}")
    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize("name", ["UPPER", "a//b", "_x"])
def test_what_is_no_name_is_refused(name: str) -> None:
    answer = Client()("DELETE", f"{ROUTE}/{name}")
    assert (answer.status, answer.code) == (400, "NAME_INVALID")


@pytest.mark.parametrize("name", ["a/manifests/b", "a/blobs/uploads/b", "a/tags/list", "catalog/a"])
def test_a_repository_may_be_called_as_endpoints_are(name: str) -> None:
    client = Client()
    client.world.push_image(RepositoryName(name))
    assert client("DELETE", f"{ROUTE}/{name}").status == 202
    assert client("GET", "/v2/_catalog").document == {"repositories": []}


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_nothing_else_can_be_done_there(method: str) -> None:
    answer = Client()(method, f"{ROUTE}/{APP}")
    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
