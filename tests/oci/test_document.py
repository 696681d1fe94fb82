"""Reading JSON so strictly that no two decoders can see two documents."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from txregistry.oci.document import MAX_DEPTH, MAX_NUMBER_LENGTH, read_document
from txregistry.oci.errors import ManifestInvalid


@contextmanager
def refused(part: str) -> Iterator[None]:
    """The block raises `ManifestInvalid` with a sentence that has this part in it."""
    with pytest.raises(ManifestInvalid) as caught:
        yield
    assert part in caught.value.reason
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) < 400


def test_a_document_is_read_as_any_decoder_reads_it() -> None:
    document = {"a": [1, -2, 3.5, 1e3, True, None], "b": {"c": {}, "d": []}, "é": "\u2028 \U0001f433"}
    assert read_document(json.dumps(document).encode()) == document
    assert read_document(json.dumps(document, ensure_ascii=False, indent=3).encode()) == document


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1',
        b"{} {}",
        b"{}x",
        b"{'a':1}",
        b'{"a":1,}',
        b"{a:1}",
        b'{"a":01}',
        b'{"a":"\n"}',
        b"\0{}",
    ],
)
def test_what_is_not_json_is_refused_with_the_place(content: bytes) -> None:
    with refused("not JSON"):
        read_document(content)
    with refused("line 1 column"):
        read_document(content.strip(b"\n"))


@pytest.mark.parametrize("content", [b"[]", b'"{}"', b"1", b"null", b"true", b"[{}]"])
def test_what_is_not_an_object_is_refused(content: bytes) -> None:
    with refused("not a JSON object"):
        read_document(content)


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":"\xff"}',
        b'{"a":"\xc0\x80"}',
        b'{"a":"\xed\xa0\x80"}',
        "{}".encode("utf-16-le") + b"\xff",
        b"\xff\xfe{\0}\0",
    ],
)
def test_what_is_not_utf_8_is_refused(content: bytes) -> None:
    """ "JSON text exchanged between systems that are not part of a closed ecosystem MUST be encoded using UTF-8"
    (RFC 8259 §8.1)
    """
    with refused("not UTF-8"):
        read_document(content)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_another_encoding_is_not_guessed(encoding: str) -> None:
    with refused("not JSON"):
        read_document("{}".encode(encoding))


def test_a_byte_order_mark_is_refused() -> None:
    """ "Implementations MUST NOT add a byte order mark" (RFC 8259 §8.1)"""
    with refused("byte order mark"):
        read_document(b"\xef\xbb\xbf{}")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(constant: str) -> None:
    """ "Numeric values that cannot be represented in the grammar … (such as Infinity and NaN) are not permitted."
    (RFC 8259 §6)
    """
    with refused(f"{constant} is no number"):
        read_document(f'{{"a":[{constant}]}}'.encode())


@pytest.mark.parametrize("number", ["9" * 10_000, "-" + "9" * 10_000, "0." + "1" * 10_000, "1e" + "9" * 10_000])
def test_numbers_without_end_are_refused(number: str) -> None:
    with refused("longer than"):
        read_document(f'{{"a":{number}}}'.encode())


def test_the_length_of_numbers_does_not_hang_on_the_interpreters_limit() -> None:
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with refused("longer than"):
            read_document(b'{"a":%b}' % (b"9" * 10_000))
    finally:
        sys.set_int_max_str_digits(limit)


def test_a_long_number_within_the_limit_is_read() -> None:
    number = int("9" * MAX_NUMBER_LENGTH)
    assert read_document(f'{{"a":{number}}}'.encode()) == {"a": number}


@pytest.mark.parametrize(
    "content",
    [
        b'{"layers":[],"layers":[1]}',
        b'{"a":{"b":1,"c":2,"b":3}}',
        b'{"x":[{"b":1,"b":1}]}',
        b'{"annotations":{"b":"1","b":"1"}}',
        b'{"a":1,"\\u0061":2}',
    ],
)
def test_a_key_that_stands_twice_is_refused(content: bytes) -> None:
    """ "The names within an object SHOULD be unique"; when not, "Many implementations report the last name/value pair
    only" (RFC 8259 §4).
    """
    with refused("stands twice"):
        read_document(content)


@pytest.mark.parametrize(
    "document",
    [
        {"layers": [], "Layers": []},
        {"a": {"mediaType": "x", "mediatype": "y"}},
        {"a": [[{"os": "x", "oS": "y"}]]},
        {"size": 1, "\u017fize": 2},
        {"kind": 1, "\u212aind": 2},
        {"annotations": {"a": {"x": "1", "X": "2"}}},
        {"annotations": [{"x": "1", "X": "2"}]},
    ],
)
def test_keys_that_differ_in_case_alone_are_refused(document: dict[str, Any]) -> None:
    """Go's decoder matches keys without regard to case, the long s and the Kelvin sign among them."""
    with refused("differ in case alone"):
        read_document(json.dumps(document).encode())


@pytest.mark.parametrize("key", ["annotations", "labels"])
def test_keys_of_string_maps_may_differ_in_case(key: str) -> None:
    document = {"a": [{key: {"x": "1", "X": "2"}}], key: {"com.example.A": "", "com.example.a": ""}}
    assert read_document(json.dumps(document).encode()) == document


def test_one_map_does_not_excuse_another_object() -> None:
    with refused("'b' and 'B'"):
        read_document(b'{"annotations":{"x":"1","X":"2"},"other":{"b":1,"B":2}}')


@pytest.mark.parametrize("text", [b"\\ud800", b"\\udc00", b"\\udc00\\ud800", b"\\uD800x", b"x\\uDfFf"])
def test_half_a_surrogate_pair_is_refused(text: bytes) -> None:
    """ "The behavior of software that receives JSON texts containing such values is unpredictable" (RFC 8259 §8.2)"""
    with refused("half of a surrogate pair"):
        read_document(b'{"a":["%b"]}' % text)
    with refused("half of a surrogate pair"):
        read_document(b'{"%b":1}' % text)


def test_a_whole_surrogate_pair_and_an_escaped_backslash_are_read() -> None:
    assert read_document(b'{"a":"\\ud83d\\udc33","b":"\\\\ud800"}') == {"a": "\U0001f433", "b": "\\ud800"}


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b'{"a":' * 500 + b"1" + b"}" * 500,
    ],
    ids=["open objects", "open lists", "lists", "objects", "more objects"],
)
def test_nesting_without_end_is_refused(content: bytes) -> None:
    with refused("nested deeper"):
        read_document(content)


def test_nesting_within_the_limit_is_read_from_any_depth_of_the_stack() -> None:
    content = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH

    def below(frames: int) -> dict[str, Any]:
        return below(frames - 1) if frames else read_document(content)

    assert below(0) == below(sys.getrecursionlimit() // 2)


def test_brackets_in_strings_are_no_nesting() -> None:
    document = {"a": "[{" * 1000}
    assert read_document(json.dumps(document).encode()) == document


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(st.binary() | st.builds(lambda value: json.dumps(value).encode(), JSON))
@example(b'{"a":"\\ud800","\\ud800":1,"\\ud800":2}')
@example(b'{"\\ud800":1,"\\uD800":2}')
def test_any_content_is_a_document_or_refused(content: bytes) -> None:
    try:
        document = read_document(content)
    except ManifestInvalid as error:
        assert re.match(r"(the|a|keys) ", error.reason) and error.reason.isprintable()
    else:
        assert document == json.loads(content)
