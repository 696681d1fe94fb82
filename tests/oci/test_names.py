"""Names, tags, references and upload ids: distribution-spec, "Pulling manifests"."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from txregistry.oci.digest import Digest
from txregistry.oci.errors import DigestInvalid, NameInvalid, TagInvalid
from txregistry.oci.names import RepositoryName, Tag, UploadId, parse_reference

# distribution-spec: "<name> MUST match the following regular expression", as it stands there.
SPECIFIED_NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
# distribution-spec: "<reference> as a tag MUST be at most 128 characters in length and MUST match …".
SPECIFIED_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "0",
        "library/ubuntu",
        "a/b/c/d/e/f/g",
        "a.b",
        "a_b",
        "a__b",
        "a-b",
        "a---------b",
        "a.b_c__d-e--f/g.h",
        "blobs/uploads",
        "manifests/tags/list",
        "v2",
        "a" * 255,
        "a/" * 127 + "a",
    ],
)
def test_a_name_of_the_grammar_is_accepted(text: str) -> None:
    assert str(RepositoryName.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        ".",
        "..",
        "../etc/passwd",
        "a/../b",
        "a/./b",
        "a/..",
        "a..b",
        "a___b",
        "a._b",
        "a-_b",
        "-a",
        "a-",
        ".a",
        "a.",
        "_a",
        "_catalog",
        "a_",
        "a/_manifests",
        "A",
        "library/Ubuntu",
        "a b",
        "a\n",
        "\na",
        "a/b\n",
        "a\x00b",
        "a\\b",
        "a%2fb",
        "a:b",
        "a@b",
        "localhost:5000/a",
        "ü",
        "a/٣",
        "\uff41",
        "a\u2028",
    ],
)
def test_a_name_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(NameInvalid) as caught:
        RepositoryName.parse(text)
    assert caught.value.name == text


@pytest.mark.parametrize("text", ["a" * 256, "a/" * 128 + "a", "a-" * 2000 + "!"])
def test_a_name_of_more_than_255_characters_is_refused(text: str) -> None:
    """ "Many clients impose a limit of 255 characters on the length of the concatenation of the registry hostname (and
    optional port), `/`, and `<name>` value." Distribution has the limit for the name alone.
    """
    with pytest.raises(NameInvalid):
        RepositoryName.parse(text)


@given(st.text("ab0._-/A\n", max_size=12))
def test_names_are_those_of_the_specification(text: str) -> None:
    """ "`<name>` MUST match the following regular expression"."""
    try:
        RepositoryName.parse(text)
    except NameInvalid:
        assert SPECIFIED_NAME.fullmatch(text) is None
    else:
        assert SPECIFIED_NAME.fullmatch(text) is not None


@pytest.mark.parametrize(
    "text", ["latest", "_", "_a", "1.0", "v1.0-rc.1", "A", "a..b", "a--", "a" * 128, "sha256-" + "a" * 64]
)
def test_a_tag_of_the_grammar_is_accepted(text: str) -> None:
    assert str(Tag.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", ".a", "-a", "a/b", "a+b", "a b", "a\n", "a" * 129, "a:b", "a\x00", "é", "a٣", "../x", "a%20", "@a"],
)
def test_a_tag_outside_the_grammar_is_refused(text: str) -> None:
    """ "`<reference>` as a tag MUST be at most 128 characters in length"."""
    with pytest.raises(TagInvalid) as caught:
        Tag.parse(text)
    assert caught.value.tag == text


@given(st.text("aA0._-/:\n", max_size=6) | st.text("a.", min_size=126, max_size=130))
def test_tags_are_those_of_the_specification(text: str) -> None:
    try:
        Tag.parse(text)
    except TagInvalid:
        assert SPECIFIED_TAG.fullmatch(text) is None
    else:
        assert SPECIFIED_TAG.fullmatch(text) is not None


def test_a_reference_is_a_digest_where_there_is_a_colon_and_a_tag_otherwise() -> None:
    digest = Digest.of(b"")
    assert parse_reference(str(digest)) == digest
    assert parse_reference(digest.hex) == Tag(digest.hex)
    with pytest.raises(DigestInvalid):
        parse_reference("sha256:")
    with pytest.raises(TagInvalid):
        parse_reference("")


@given(st.text())
@example("a:" * 100_000)
def test_any_text_is_a_reference_or_refused_with_the_reason(text: str) -> None:
    try:
        reference = parse_reference(text)
    except (DigestInvalid, TagInvalid):
        return
    assert str(reference) == text


def test_names_and_tags_sort_by_their_characters() -> None:
    assert sorted(map(Tag, ["b", "a", "B", "_"])) == [Tag("B"), Tag("_"), Tag("a"), Tag("b")]
    assert sorted(map(RepositoryName, ["a/b", "a-b"])) == [RepositoryName("a-b"), RepositoryName("a/b")]


def test_a_fresh_upload_id_is_a_random_uuid_and_can_be_read() -> None:
    """RFC 9562 §5.4."""
    fresh = [UploadId.new() for _ in range(200)]
    assert len(set(fresh)) == len(fresh)
    for upload in fresh:
        assert UploadId.parse(str(upload)) == upload
        parsed = uuid.UUID(str(upload))
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "../../x",
        "6fa459ea-ee8a-3ca4-894e-db77e160355e\n",
        "6FA459EA-EE8A-3CA4-894E-DB77E160355E",
        "6fa459eaee8a3ca4894edb77e160355e",
        "{6fa459ea-ee8a-3ca4-894e-db77e160355e}",
        "6fa459ea-ee8a-3ca4-894e-db77e160355e/data",
        "٣fa459ea-ee8a-3ca4-894e-db77e160355e",
        "_" * 36,
    ],
)
def test_what_is_no_upload_id_of_ours_is_none(text: str) -> None:
    assert UploadId.parse(text) is None
