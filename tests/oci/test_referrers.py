"""Referrers: distribution-spec, "Listing Referrers" and "Referrers Tag Schema"."""

from __future__ import annotations

import json

import pytest

from tests.oci.documents import CONFIG, EMPTY, descriptor, encoded, image, index
from txregistry.oci import mediatypes
from txregistry.oci.descriptor import Descriptor
from txregistry.oci.digest import Digest
from txregistry.oci.manifest import parse_manifest
from txregistry.oci.referrers import build_index, referrers_descriptor

DIGEST = Digest.of(b"a referrer")


@pytest.mark.parametrize(
    ("document", "artifact_type"),
    [
        (image(artifactType="application/x"), "application/x"),
        (image(), CONFIG),
        (image(artifactType=""), CONFIG),
        (image(artifactType=None), CONFIG),
        (image(config=descriptor(b"{}", EMPTY), artifactType="application/sbom"), "application/sbom"),
        (index(artifactType="application/x"), "application/x"),
        (index(), None),
    ],
)
def test_a_referrer_is_described_by_its_artifact_type(document: dict[str, object], artifact_type: str | None) -> None:
    """ "If the `artifactType` is empty or missing in the image manifest, the value of `artifactType` MUST be set to the
    config descriptor `mediaType` value. If the `artifactType` is empty or missing in an index, the `artifactType` MUST
    be omitted."
    """
    manifest = parse_manifest(encoded(document), None)
    written = referrers_descriptor(manifest, DIGEST, 12).as_json()
    assert written.get("artifactType") == artifact_type
    assert ("artifactType" in written) == (artifact_type is not None)
    assert (written["mediaType"], written["digest"], written["size"]) == (manifest.media_type, str(DIGEST), 12)


def test_a_referrer_is_described_with_its_annotations() -> None:
    """ "The descriptors MUST include annotations from the image manifest or index." """
    manifest = parse_manifest(encoded(image(annotations={"org.example.a": "b"})), None)
    assert referrers_descriptor(manifest, DIGEST, 12).as_json()["annotations"] == {"org.example.a": "b"}


def test_the_list_of_no_referrers_is_an_empty_index() -> None:
    """ "If a query results in no matching referrers, an empty manifest list MUST be returned." """
    assert json.loads(build_index([])) == index(manifests=[])


def test_the_list_of_referrers_is_an_index_that_can_be_read() -> None:
    """ "Upon success, the response MUST be a JSON body with an image index containing a list of descriptors." """
    described = [
        Descriptor(mediatypes.OCI_MANIFEST, Digest.of(bytes([n])), n, annotations={"n": "é"}) for n in range(3)
    ]
    listed = parse_manifest(build_index(found.encode() for found in described), mediatypes.OCI_INDEX)
    assert listed.manifests == tuple(described)
