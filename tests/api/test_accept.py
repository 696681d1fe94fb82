"""What a client says it can read."""

from __future__ import annotations

import pytest

from txregistry.api.accept import Accept
from txregistry.http.headers import Headers
from txregistry.oci import mediatypes


def _accept(*lines: str) -> Accept:
    return Accept.of(Headers([(b"accept", line.encode()) for line in lines]))


@pytest.mark.parametrize(
    "line", ["*/*", "application/*", mediatypes.OCI_INDEX, f"text/html, {mediatypes.OCI_INDEX};q=0.1"]
)
def test_a_type_is_allowed_by_name_and_by_wildcard(line: str) -> None:
    assert _accept(line).allows(mediatypes.OCI_INDEX)


@pytest.mark.parametrize("line", ["text/*", mediatypes.OCI_MANIFEST, f"{mediatypes.OCI_INDEX};q=0", "*/*;q=0.000"])
def test_a_type_that_is_not_named_or_refused_is_not_allowed(line: str) -> None:
    assert not _accept(line).allows(mediatypes.OCI_INDEX)


def test_several_lines_count_together() -> None:
    accept = _accept(mediatypes.DOCKER_MANIFEST, mediatypes.DOCKER_LIST)
    assert accept.allows(mediatypes.DOCKER_LIST)
    assert not accept.wants_single_image


def test_a_client_that_names_images_only_wants_a_single_image() -> None:
    assert _accept(mediatypes.DOCKER_MANIFEST).wants_single_image
    assert not _accept("application/json").wants_single_image
    assert not _accept().wants_single_image
