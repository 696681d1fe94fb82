"""Range and Content-Range: RFC 9110 §14 and distribution-spec, "Pushing a blob in chunks"."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from txregistry.oci.errors import ContentRangeInvalid, RangeInvalid
from txregistry.oci.ranges import ByteRange, format_content_range, parse_content_range, parse_ranges

# More digits than Python converts, unless told to (4,300).
HUGE = "9" * 5000


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", ByteRange(0, 0)),
        ("bytes=500-1499", ByteRange(500, 1499)),
        ("bytes=0-2499", ByteRange(0, 2499)),
        ("bytes=2499-2499", ByteRange(2499, 2499)),
        ("BYTES=1-2", ByteRange(1, 2)),
        ("bytes=007-0000000000000000000000000000008", ByteRange(7, 8)),
        ("bytes= \t1-2 ", ByteRange(1, 2)),
    ],
)
def test_a_range_is_inclusive_at_both_ends(header: str, part: ByteRange) -> None:
    """ "the byte positions specified are inclusive. Byte offsets start at zero." (RFC 9110 §14.1.2)"""
    assert parse_ranges(header, 2500) == (part,)


def test_a_range_without_end_goes_to_the_end() -> None:
    assert parse_ranges("bytes=500-", 2500) == (ByteRange(500, 2499),)


@pytest.mark.parametrize("header", ["bytes=2000-5000", "bytes=2000-2500", f"bytes=2000-{HUGE}"])
def test_a_range_that_ends_behind_the_end_is_cut(header: str) -> None:
    """ "or if the value is greater than or equal to the current length of the representation data, the byte range is
    interpreted as the remainder of the representation" (RFC 9110 §14.1.2)
    """
    assert parse_ranges(header, 2500) == (ByteRange(2000, 2499),)


def test_a_suffix_is_the_last_bytes() -> None:
    assert parse_ranges("bytes=-500", 2500) == (ByteRange(2000, 2499),)


@pytest.mark.parametrize("header", ["bytes=-2500", "bytes=-2501", f"bytes=-{HUGE}"])
def test_a_suffix_longer_than_the_content_is_the_whole(header: str) -> None:
    """ "If the selected representation is shorter than the specified suffix-length, the entire representation is
    used." (RFC 9110 §14.1.2)
    """
    assert parse_ranges(header, 2500) == (ByteRange(0, 2499),)


@pytest.mark.parametrize("header", ["bytes=2500-", "bytes=2500-2600", f"bytes={HUGE}-", f"bytes={HUGE}-{HUGE}"])
def test_a_range_behind_the_end_cannot_be_satisfied(header: str) -> None:
    """ "a first-pos that is less than the current length of the selected representation" (RFC 9110 §14.1.2)"""
    with pytest.raises(RangeInvalid) as caught:
        parse_ranges(header, 2500)
    assert caught.value.size == 2500


@pytest.mark.parametrize("header", ["bytes=-0", "bytes=-000", "bytes=500-0", "bytes=2-1"])
def test_a_range_of_no_bytes_is_refused(header: str) -> None:
    """ "An int-range is invalid if the last-pos value is present and less than first-pos"; a server "MAY ignore or
    reject" it (RFC 9110 §14.1.1, §14.2), and the conformance suite asks for 416.
    """
    with pytest.raises(RangeInvalid):
        parse_ranges(header, 2500)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=--1",
        "bytes=1--2",
        "bytes=+1-2",
        "bytes=1-2x",
        "bytes=1 -2",
        "bytes=٣-٤",
        "bytes=1_0-2_0",
        "bytes=0x1-2",
        "bytes=1-2\n",
        "byte\u017f=1-2",
        "bytes 1-2",
        "bytes 1-2/3",
        "1-2",
        "items=1-2",
    ],
)
def test_what_is_no_range_of_bytes_is_ignored(header: str) -> None:
    """ "An origin server MUST ignore a Range header field that contains a range unit it does not understand", and a
    server "MAY ignore or reject" an invalid one (RFC 9110 §14.2).
    """
    assert parse_ranges(header, 2500) == ()


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("bytes=0-1,3-4", [(0, 1), (3, 4)]),
        ("bytes=9-9 ,\t0-0", [(9, 9), (0, 0)]),
        ("bytes=0-0,-1,2400-9999", [(0, 0), (2499, 2499), (2400, 2499)]),
        ("bytes=0-1,2500-,-0,5-4", [(0, 1)]),
    ],
)
def test_several_ranges_are_given_in_their_order_without_those_that_are_empty(
    header: str, parts: list[tuple[int, int]]
) -> None:
    assert parse_ranges(header, 2500) == tuple(ByteRange(*part) for part in parts)


def test_several_ranges_behind_the_end_cannot_be_satisfied() -> None:
    with pytest.raises(RangeInvalid):
        parse_ranges("bytes=2500-,3000-4000", 2500)


@pytest.mark.parametrize(
    "header", ["bytes=0-,0-", "bytes=0-1249,1250-,-1", "bytes=0-1,", "bytes=0-1,x", "bytes=" + "0-0," * 2048 + "0-0"]
)
def test_ranges_that_make_more_than_the_whole_or_are_too_many_or_no_ranges_are_ignored(header: str) -> None:
    assert parse_ranges(header, 2500) == ()


def test_as_many_ranges_as_podman_asks_for_are_given() -> None:
    assert len(parse_ranges("bytes=" + ",".join(f"{at}-{at}" for at in range(1024)), 2500)) == 1024


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1", "bytes=-0", "bytes=0-0", "bytes=5-", "bytes=2-1"])
def test_a_range_of_empty_content_is_ignored(header: str) -> None:
    assert parse_ranges(header, 0) == ()


@given(
    st.text() | st.from_regex(r"bytes=[0-9]{0,30}-[0-9]{0,30}(,[0-9]{0,9}-[0-9]{0,9})*", fullmatch=True),
    st.integers(0, 2**63 - 1),
)
@example(f"bytes={HUGE}-{HUGE}", 1)
def test_any_header_is_a_part_or_ignored_or_refused(header: str, size: int) -> None:
    try:
        parts = parse_ranges(header, size)
    except RangeInvalid as error:
        assert error.size == size
        return
    assert all(0 <= part.first <= part.last < size for part in parts)


def test_the_content_range_of_a_part_names_the_whole_size() -> None:
    """`Content-Range: bytes 42-1233/1234` (RFC 9110 §14.4)."""
    assert format_content_range(ByteRange(42, 1233), 1234) == "bytes 42-1233/1234"


def test_the_content_range_of_a_refusal_has_the_size_alone() -> None:
    """`unsatisfied-range = "*/" complete-length` (RFC 9110 §14.4)."""
    assert format_content_range(None, 1234) == "bytes */1234"


@pytest.mark.parametrize(
    ("header", "offsets"),
    [("0-0", (0, 0)), ("0-1023", (0, 1023)), ("1024-2047", (1024, 2047)), (f"{'0' * 5000}1-2", (1, 2))],
)
def test_a_chunk_says_its_first_and_last_byte(header: str, offsets: tuple[int, int]) -> None:
    """ "It MUST match the following regular expression: `^[0-9]+-[0-9]+$`"."""
    assert parse_content_range(header) == offsets


@pytest.mark.parametrize("header", ["bytes 5-9/*", "bytes 5-9/10", "bytes 5-9/11", "Bytes 5-9/*"])
def test_a_chunk_may_say_it_as_http_does(header: str) -> None:
    assert parse_content_range(header) == (5, 9)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "-",
        "0-",
        "-9",
        "0",
        "9-0",
        "0--1",
        "+0-9",
        "0-9\n",
        " 0-9",
        "0 - 9",
        "0-9/*",
        "0-9,10-19",
        "a-b",
        "٣-٤",
        "bytes=0-9",
        "bytes 0-9",
        "bytes */10",
        "bytes 0-9/9",
        "bytes 9-0/*",
        "bytes 0-9/x",
        "0-9223372036854775807",
        f"0-{HUGE}",
        f"{HUGE}-{HUGE}",
    ],
)
def test_a_chunk_that_says_it_otherwise_is_refused(header: str) -> None:
    with pytest.raises(ContentRangeInvalid) as caught:
        parse_content_range(header)
    assert caught.value.value == header


@given(st.text() | st.from_regex(r"(bytes )?[0-9]{1,25}-[0-9]{1,25}(/[0-9*]{1,5})?", fullmatch=True))
def test_any_content_range_is_offsets_or_refused(header: str) -> None:
    try:
        first, last = parse_content_range(header)
    except ContentRangeInvalid:
        return
    assert 0 <= first <= last < 2**63 - 1
