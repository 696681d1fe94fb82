"""Manifests: image-spec, manifest.md and image-index.md; CVE-2021-41190."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oci.documents import CONFIG, EMPTY, LAYER, descriptor, encoded, image, index
from txregistry.oci import mediatypes
from txregistry.oci.descriptor import Descriptor
from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestInvalid
from txregistry.oci.manifest import Manifest, parse_manifest

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"


def accepted(document: dict[str, Any], content_type: str | None = None) -> Manifest:
    return parse_manifest(encoded(document), content_type)


def refusal(document: object, content_type: str | None = None) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(encoded(document), content_type)
    assert caught.value.reason.isprintable()
    return caught.value.reason


# What is accepted


def test_an_image_manifest_is_its_config_and_layers() -> None:
    assert accepted(image(), mediatypes.OCI_MANIFEST) == Manifest(
        mediatypes.OCI_MANIFEST,
        config=Descriptor(CONFIG, Digest.of(b"config"), 6),
        layers=(Descriptor(LAYER, Digest.of(b"layer"), 5),),
        manifests=(),
        subject=None,
        artifact_type=CONFIG,
        annotations={},
    )


def test_an_index_is_its_manifests() -> None:
    manifest = accepted(index(annotations={"a": "b"}), mediatypes.OCI_INDEX)
    assert manifest.manifests == (
        Descriptor(mediatypes.OCI_MANIFEST, Digest.of(b"child"), 5, platform={"architecture": "amd64", "os": "linux"}),
    )
    assert (manifest.config, manifest.layers, manifest.artifact_type) == (None, (), None)
    assert manifest.annotations == {"a": "b"}


@pytest.mark.parametrize(
    ("document", "is_index"),
    [
        (image(), False),
        (image(mediaType=mediatypes.DOCKER_MANIFEST), False),
        (index(), True),
        (index(mediaType=mediatypes.DOCKER_LIST), True),
    ],
)
def test_the_four_formats_are_images_or_indexes(document: dict[str, Any], is_index: bool) -> None:
    manifest = accepted(document, document["mediaType"])
    assert (manifest.media_type, manifest.config is None) == (document["mediaType"], is_index)


@pytest.mark.parametrize(
    "document",
    [
        image(layers=[]),
        image(layers=None),
        image(layers=...),
        image(mediaType=...),
        image(mediaType=""),
        image(
            config=descriptor(b"{}", EMPTY, data="e30="),
            artifactType="application/x",
            layers=[descriptor(b"{}", EMPTY)],
        ),
        image(config=descriptor(b"{}", EMPTY)),
        image(config=descriptor(b"", "application/x")),
        image(**{"org.EXAMPLE": "x", "custom": {"nested": [1, 2.5, None]}}),
        image(layers=[descriptor(b"a", data="YQ==", urls=["https://example.com/a"])]),
        image(layers=[descriptor(b"a", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")]),
        image(layers=[descriptor(b"a", digest=str(Digest.of(b"a", "sha512")))]),
        image(subject=None, annotations=None, artifactType=None),
        image(annotations={"A": "1", "a": "2"}),
    ],
)
def test_odd_but_valid_images_are_accepted(document: dict[str, Any]) -> None:
    """ "For portability, `layers` SHOULD have at least one entry"; "Implementations storing or copying image manifests
    MUST NOT error on encountering a value that is unknown to the implementation" (manifest.md).
    """
    assert accepted(document, mediatypes.OCI_MANIFEST).media_type == mediatypes.OCI_MANIFEST


@pytest.mark.parametrize(
    "document",
    [
        index(manifests=[]),
        index(manifests=None),
        index(mediaType=...),
        index(manifests=[descriptor(b"nested", mediatypes.OCI_INDEX)]),
        index(manifests=[descriptor(b"x", "application/unknown")]),
        index(manifests=[descriptor(b"{}", mediatypes.OCI_MANIFEST, data="e30=")]),
        index(manifests=[descriptor(b"a", digest=str(Digest.of(b"a", "sha512")))]),
        index(artifactType="application/x", subject=descriptor(b"s", mediatypes.OCI_MANIFEST)),
        index(custom="x"),
    ],
)
def test_odd_but_valid_indexes_are_accepted(document: dict[str, Any]) -> None:
    """ "While this property MUST be present, the size of the array MAY be zero"; "An encountered `mediaType` that is
    unknown to the implementation MUST NOT generate an error" (image-index.md).
    """
    assert accepted(document, mediatypes.OCI_INDEX).media_type == mediatypes.OCI_INDEX


def test_a_manifest_of_nearly_four_mebibytes_is_accepted() -> None:
    """ "Client and registry implementations SHOULD expect to be able to support manifest pushes of at least 4
    megabytes." (distribution-spec, "Pushing Manifests")
    """
    annotations = {f"large-annotation-{number}": "A" * 10_000 for number in range(400)}
    assert accepted(image(annotations=annotations)).annotations == annotations
    assert len(accepted(image(layers=[descriptor(b"layer")] * 20_000)).layers) == 20_000


# Subject and artifact type


def test_the_subject_is_a_descriptor() -> None:
    """ "This OPTIONAL property specifies a descriptor of another manifest." """
    subject = descriptor(b"subject", mediatypes.OCI_MANIFEST)
    expected = Descriptor(mediatypes.OCI_MANIFEST, Digest.of(b"subject"), 7)
    assert accepted(image(subject=subject)).subject == expected
    assert accepted(index(subject=subject)).subject == expected


def test_the_artifact_type_of_an_image_is_its_own_before_that_of_its_config() -> None:
    assert accepted(image(artifactType="application/x")).artifact_type == "application/x"
    assert accepted(image(artifactType="")).artifact_type == CONFIG
    assert accepted(index(artifactType="application/x")).artifact_type == "application/x"


def test_the_formats_of_docker_have_no_subject_and_no_annotations() -> None:
    """There they are unknown fields, which may hold anything."""
    manifest = accepted(
        image(
            mediaType=mediatypes.DOCKER_MANIFEST,
            config=descriptor(b"config", DOCKER_CONFIG),
            subject="x",
            annotations=[1],
            artifactType=3,
        )
    )
    assert (manifest.subject, manifest.annotations, manifest.artifact_type) == (None, {}, DOCKER_CONFIG)


# Content-Type


@pytest.mark.parametrize(
    "content_type",
    [
        f"{mediatypes.OCI_MANIFEST}; charset=utf-8",
        f" {mediatypes.OCI_MANIFEST} ;x",
        mediatypes.OCI_MANIFEST.upper(),
        f"{mediatypes.OCI_MANIFEST};",
    ],
)
def test_parameters_and_case_of_the_content_type_do_not_matter(content_type: str) -> None:
    """ "The registry SHOULD ignore parameters on the Content-Type header." """
    assert accepted(image(), content_type).media_type == mediatypes.OCI_MANIFEST


@pytest.mark.parametrize("content_type", [None, "", " ", ";charset=utf-8"])
def test_without_a_content_type_the_documents_own_type_counts(content_type: str | None) -> None:
    assert accepted(image(), content_type).media_type == mediatypes.OCI_MANIFEST
    assert accepted(index(), content_type).media_type == mediatypes.OCI_INDEX


@pytest.mark.parametrize("content_type", [None, ""])
def test_without_any_type_a_manifest_is_refused(content_type: str | None) -> None:
    assert "without a Content-Type" in refusal(image(mediaType=...), content_type)


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        (image(), mediatypes.DOCKER_MANIFEST),
        (image(mediaType=mediatypes.DOCKER_MANIFEST), mediatypes.OCI_MANIFEST),
        (image(), mediatypes.OCI_INDEX),
        (index(), mediatypes.OCI_MANIFEST),
        (index(), mediatypes.DOCKER_LIST),
        (image(mediaType="application/x"), mediatypes.OCI_MANIFEST),
        (image(mediaType=mediatypes.OCI_MANIFEST + "; charset=utf-8"), mediatypes.OCI_MANIFEST),
        (image(mediaType=mediatypes.OCI_MANIFEST.upper()), mediatypes.OCI_MANIFEST),
    ],
)
def test_a_document_that_says_another_type_than_the_content_type_is_refused(
    document: dict[str, Any], content_type: str
) -> None:
    """ "If a manifest includes a `mediaType` field, clients MUST set the `Content-Type` header to the value specified
    by the `mediaType` field." (distribution-spec, "Pushing Manifests"; CVE-2021-41190)
    """
    assert refusal(document, content_type).startswith("the Content-Type is ")


@pytest.mark.parametrize("content_type", [mediatypes.DOCKER_MANIFEST, mediatypes.DOCKER_LIST])
def test_a_format_of_docker_must_be_named_in_the_document(content_type: str) -> None:
    """On disk nothing else would tell it from the OCI's."""
    document = image(mediaType=...) if content_type in mediatypes.IMAGES else index(mediaType=...)
    assert "must say so in its mediaType" in refusal(document, content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        ARTIFACT,
        "application/vnd.cncf.helm.config.v1+json",
        "*/*",
        "x" * 100_000,
        "é\n",
    ],
)
def test_other_types_are_refused_with_those_that_are_not(content_type: str) -> None:
    for reason in (refusal(image(), content_type), refusal(image(mediaType=content_type))):
        assert "are not accepted" in reason
        assert mediatypes.OCI_MANIFEST in reason
        assert len(reason) < 600


# CVE-2021-41190: one document, two meanings


@pytest.mark.parametrize(
    "document",
    [
        image(manifests=[descriptor(b"child", mediatypes.OCI_MANIFEST)]),
        image(manifests=[]),
        image(manifests=None),
        image(mediaType=..., manifests=[]),
        image(mediaType=mediatypes.DOCKER_MANIFEST, manifests=[]),
    ],
)
def test_an_image_with_manifests_is_refused(document: dict[str, Any]) -> None:
    assert "must not have manifests" in refusal(document, document.get("mediaType", mediatypes.OCI_MANIFEST))


@pytest.mark.parametrize("key", ["config", "layers"])
@pytest.mark.parametrize("value", [None, [], {}, [descriptor()]])
@pytest.mark.parametrize("media_type", [mediatypes.OCI_INDEX, mediatypes.DOCKER_LIST])
def test_an_index_with_layers_or_config_is_refused(key: str, value: object, media_type: str) -> None:
    assert f"must not have {key}" in refusal(index(mediaType=media_type, **{key: value}), media_type)


@pytest.mark.parametrize("key", ["Layers", "MANIFESTS", "mediatype", "Config", "annotationS", "Subject", "layer\u017f"])
def test_a_known_field_in_another_case_is_refused(key: str) -> None:
    assert "must be written" in refusal(
        image(**{key.casefold(): ..., key: "x"}, mediaType=...), mediatypes.OCI_MANIFEST
    )


def test_a_field_that_stands_twice_is_refused() -> None:
    content = encoded(image()).replace(b'"layers": [', b'"layers": [], "layers": [')
    with pytest.raises(ManifestInvalid, match="'layers' stands twice"):
        parse_manifest(content, mediatypes.OCI_MANIFEST)


def test_a_field_that_stands_there_in_two_cases_is_refused() -> None:
    assert "differ in case alone" in refusal(image(Layers=[]), mediatypes.OCI_MANIFEST)


# Structure


@pytest.mark.parametrize("version", [..., None, 0, 3, -2, 2.0, "2", True, [2], {}])
def test_the_schema_version_must_be_two(version: object) -> None:
    """ "This REQUIRED property specifies the image manifest schema version. For this version of the specification, this
    MUST be `2`".
    """
    assert refusal(image(schemaVersion=version)) == "schemaVersion must be 2"
    assert refusal(index(schemaVersion=version)) == "schemaVersion must be 2"


@pytest.mark.parametrize(
    "content_type",
    [None, "", "application/json", mediatypes.SCHEMA1, mediatypes.SCHEMA1_SIGNED, mediatypes.OCI_MANIFEST],
)
def test_schema_1_is_refused_in_a_clear_sentence(content_type: str | None) -> None:
    document = {"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": [], "signatures": []}
    assert refusal(document, content_type).startswith("schema 1 manifests are not accepted")


def test_the_media_types_of_schema_1_are_refused_whatever_the_document_says() -> None:
    assert refusal(image(), mediatypes.SCHEMA1_SIGNED).startswith("schema 1 manifests are not accepted")


@pytest.mark.parametrize("config", [..., None])
def test_an_image_needs_a_config(config: object) -> None:
    """ "This REQUIRED property references a configuration object for a container, by digest." """
    assert refusal(image(config=config)) == "an image manifest needs a config, a descriptor"


def test_an_index_needs_manifests() -> None:
    """ "While this property MUST be present, the size of the array MAY be zero." """
    assert refusal(index(manifests=...)) == "an index needs manifests, a list of descriptors"


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (image(config=[]), "config must be an object"),
        (image(config="x"), "config must be an object"),
        (image(config={}), "config has no mediaType"),
        (image(layers={}), "layers of the manifest must be a list"),
        (image(layers=[descriptor(), None]), "layers[1] must be an object"),
        (image(layers=[descriptor(), descriptor(digest="sha256:x")]), "layers[1] has an invalid digest"),
        (image(layers=[descriptor(size=-1)]), "layers[0] has a size out of bounds"),
        (index(manifests="x"), "manifests of the manifest must be a list"),
        (index(manifests=[[]]), "manifests[0] must be an object"),
        (index(manifests=[descriptor(size="1")]), "manifests[0] needs a size"),
        (image(subject=[]), "subject must be an object"),
        (image(subject={}), "subject has no mediaType"),
        (index(subject=descriptor(digest="x")), "subject has an invalid digest"),
        (image(mediaType=1), "mediaType of the manifest must be a string"),
        (image(artifactType=1), "artifactType of the manifest must be a string"),
        (image(annotations={"a": 1}), "annotations of the manifest must be an object of strings"),
        (image(annotations=[]), "annotations of the manifest must be an object of strings"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_with_its_place(document: dict[str, Any], part: str) -> None:
    assert part in refusal(document)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        parse_manifest(content, mediatypes.OCI_MANIFEST)


LEAVES = (
    st.none()
    | st.integers(-1, 3)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([*sorted(mediatypes.MANIFESTS), str(Digest.of(b""))])
    | st.builds(descriptor)
)
KEYS = st.sampled_from(["mediaType", "digest", "size", "urls", "x", "X"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=6
)
FIELDS = [
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "subject",
    "artifactType",
    "annotations",
    "Config",
]


@given(
    st.sampled_from([image(), index(), {}]),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3),
    st.none() | st.sampled_from(sorted(mediatypes.MANIFESTS)) | st.text(max_size=5),
)
def test_any_document_is_a_manifest_or_refused(
    base: dict[str, Any], changes: dict[str, Any], content_type: str | None
) -> None:
    try:
        manifest = accepted({**base, **changes}, content_type)
    except ManifestInvalid as error:
        assert error.reason.isprintable()
        return
    assert manifest.media_type in mediatypes.MANIFESTS
    assert (manifest.config is None) == (manifest.media_type in mediatypes.INDEXES)
    assert not (manifest.manifests and manifest.layers)


@given(st.binary(), st.none() | st.text())
def test_any_bytes_that_are_no_manifest_are_refused(content: bytes, content_type: str | None) -> None:
    with pytest.raises(ManifestInvalid):
        parse_manifest(content, content_type)


@given(st.integers(0), st.integers(0, 255))
def test_a_manifest_with_a_byte_changed_is_a_manifest_or_refused(place: int, byte: int) -> None:
    content = bytearray(encoded(image(subject=descriptor(), annotations={"a": "\u2028"})))
    content[place % len(content)] = byte
    try:
        manifest = parse_manifest(bytes(content), None)
    except ManifestInvalid:
        return
    assert json.loads(content)["mediaType"] == manifest.media_type
