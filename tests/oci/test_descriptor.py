"""Descriptors: image-spec, descriptor.md, "Properties"."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oci.documents import LAYER, descriptor
from txregistry.oci.descriptor import Descriptor
from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestInvalid


def refusal(value: object) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        Descriptor.parse(value, "layers[3]")
    assert caught.value.reason.isprintable()
    assert "layers[3]" in caught.value.reason
    return caught.value.reason


def test_the_required_fields_alone_make_a_descriptor() -> None:
    assert Descriptor.parse(descriptor(b"abc"), "config") == Descriptor(LAYER, Digest.of(b"abc"), 3)


def test_every_field_of_the_specification_is_read() -> None:
    platform = {"architecture": "arm", "os": "linux", "os.version": "1", "os.features": ["x"], "variant": "v7"}
    found = Descriptor.parse(
        descriptor(
            b"abc",
            urls=["https://example.com/a"],
            annotations={"a": "b", "A": "B"},
            data="YWJj",
            artifactType="application/x",
            platform=platform,
        ),
        "config",
    )
    assert found == Descriptor(
        LAYER,
        Digest.of(b"abc"),
        3,
        urls=("https://example.com/a",),
        annotations={"a": "b", "A": "B"},
        artifact_type="application/x",
        platform=platform,
        data="YWJj",
    )


def test_unknown_fields_are_passed_over() -> None:
    """ "Implementations processing content SHOULD NOT generate an error if they encounter an unknown property in a
    known media type." (image-spec, considerations.md, "Extensibility")
    """
    value = {**descriptor(b"abc"), "org.example": {"x": [1]}, "x": None}
    assert Descriptor.parse(value, "config") == Descriptor(LAYER, Digest.of(b"abc"), 3)


@pytest.mark.parametrize("key", ["urls", "annotations", "data", "artifactType", "platform"])
def test_null_is_as_good_as_absent(key: str) -> None:
    assert Descriptor.parse({**descriptor(b"abc"), key: None}, "config") == Descriptor(LAYER, Digest.of(b"abc"), 3)


@pytest.mark.parametrize("value", [None, [], "sha256:", 1, True])
def test_what_is_no_object_is_refused(value: object) -> None:
    assert "must be an object" in refusal(value)


@pytest.mark.parametrize("key", ["mediaType", "digest", "size"])
def test_a_required_field_must_be_there(key: str) -> None:
    """ "This REQUIRED property …" """
    value = descriptor()
    del value[key]
    assert key in refusal(value)
    assert key in refusal({**value, key: None})


@pytest.mark.parametrize("size", [-1, -(2**63), 2**63, 10**80])
def test_a_size_out_of_bounds_is_refused(size: int) -> None:
    """`size` *int64*: "This REQUIRED property specifies the size, in bytes, of the raw content."."""
    assert "out of bounds" in refusal(descriptor(size=size))


@pytest.mark.parametrize("size", [1.0, 1.5, 1e3, "1", True, False, [], {}])
def test_a_size_that_is_no_integer_is_refused(size: object) -> None:
    assert "an integer of bytes" in refusal(descriptor(size=size))


@pytest.mark.parametrize("size", [0, 2**63 - 1])
def test_sizes_of_all_of_int64_are_accepted(size: int) -> None:
    assert Descriptor.parse(descriptor(size=size), "config").size == size


@pytest.mark.parametrize(
    "digest",
    ["sha256:abc", "md5:" + "a" * 32, "../../x", "sha256:" + "A" * 64, "sha256:" + "a" * 64 + "\n", "x" * 10**6],
)
def test_a_malformed_digest_is_refused_with_the_reason(digest: str) -> None:
    reason = refusal(descriptor(digest=digest))
    assert "invalid digest" in reason
    assert len(reason) < 300


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"mediaType": 1}, "mediaType"),
        ({"mediaType": ""}, "mediaType"),
        ({"mediaType": 0}, "must be a string"),
        ({"digest": 1}, "digest"),
        ({"digest": ["sha256:"]}, "digest"),
        ({"urls": "https://example.com"}, "must be a list"),
        ({"urls": [1]}, "list of strings"),
        ({"urls": [None]}, "list of strings"),
        ({"annotations": []}, "object of strings"),
        ({"annotations": {"a": 1}}, "object of strings"),
        ({"annotations": {"a": None}}, "object of strings"),
        ({"data": {}}, "must be a string"),
        ({"data": "no base 64"}, "not Base 64"),
        ({"data": "YWJ"}, "not Base 64"),
        ({"data": "é"}, "not Base 64"),
        ({"artifactType": 1}, "must be a string"),
        ({"platform": "linux/amd64"}, "must be an object"),
        ({"platform": {"os": 1}}, "must be a string"),
        ({"platform": {"architecture": []}}, "must be a string"),
        ({"platform": {"os.features": "x"}}, "must be a list"),
        ({"platform": {"features": [1]}}, "list of strings"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused(changes: dict[str, Any], part: str) -> None:
    assert part in refusal(descriptor(**changes))


@pytest.mark.parametrize("key", ["MediaType", "mediatype", "Digest", "SIZE", "URLs", "\u017fize"])
def test_a_known_field_in_another_case_is_refused(key: str) -> None:
    """Go's decoder would take it for the field."""
    assert "must be written" in refusal({**descriptor(), key: "x"})


@pytest.mark.parametrize("key", ["OS", "Architecture", "o\u017f"])
def test_a_field_of_a_platform_in_another_case_is_refused(key: str) -> None:
    assert "must be written" in refusal(descriptor(platform={key: "x"}))


@given(
    st.dictionaries(
        st.sampled_from(["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"]),
        st.none()
        | st.integers()
        | st.text()
        | st.just(str(Digest.of(b"")))
        | st.lists(st.text())
        | st.dictionaries(st.sampled_from(["os", "architecture", "Os"]), st.text() | st.integers()),
    )
)
def test_any_object_is_a_descriptor_or_refused(value: dict[str, Any]) -> None:
    try:
        found = Descriptor.parse(value, "config")
    except ManifestInvalid:
        return
    assert Descriptor.parse(found.as_json(), "config") == Descriptor.parse({**value, "data": None}, "config")


def test_what_is_not_set_is_not_written() -> None:
    value = descriptor(b"abc")
    assert Descriptor.parse(value, "config").as_json() == value


def test_what_is_set_is_written_again_but_for_the_data() -> None:
    value = descriptor(urls=["u"], annotations={"a": "é"}, artifactType="t/x", platform={"os": "linux"})
    assert json.loads(Descriptor.parse({**value, "data": "e30="}, "config").encode()) == value
