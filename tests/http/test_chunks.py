from __future__ import annotations

from itertools import pairwise

import pytest
from httptools import HttpParserError, HttpRequestParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from txregistry.http.chunks import ChunkedDecoder

LONGEST = 1_000


def decode(*pieces: bytes) -> tuple[bytes, ChunkedDecoder]:
    """What comes of the pieces, all of which must be read unless the body ends or is malformed before."""
    decoder = ChunkedDecoder(LONGEST)
    data = b""
    for piece in pieces:
        found, end = decoder.decode(piece, 0)
        data += found
        if decoder.ended or decoder.malformed:
            break
        assert end == len(piece)
    return data, decoder


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces."""
    ends = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(ends)]


def test_data_is_found_in_whole_chunks() -> None:
    data, decoder = decode(b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n")
    assert data == b"hello world"
    assert decoder.ended


def test_what_follows_the_last_chunk_is_left_alone() -> None:
    decoder = ChunkedDecoder(LONGEST)
    assert decoder.decode(b"..1\r\nx\r\n000;a\r\nTrailer: x\r\n\r\n", 2) == (b"x", 15)


def test_sizes_are_hexadecimal_in_either_case() -> None:
    assert decode(b"A\r\n0123456789\r\n0b\r\n0123456789a\r\n")[0] == b"01234567890123456789a"


def test_a_piece_of_one_chunk_is_all_data() -> None:
    data, decoder = decode(b"ffffffffffffffff\r\n", b"x" * 5_000)
    assert data == b"x" * 5_000
    assert not decoder.ended


MALFORMED = [
    b"\r\n",
    b"g\r\n",
    b"-1\r\n",
    b"+1\r\n",
    b"0x1\r\n",
    b" 1\r\n",
    b"1 \r\n",
    b"1_0\r\n",
    b"1\n",
    b"1\rx",
    b"10000000000000000\r\n",
    b"1;\r\n",
    b"1;;\r\n",
    b"1; a\r\n",
    b"1 ;a\r\n",
    b"1;a=\r\n",
    b"1;=b\r\n",
    b"1;a =b\r\n",
    b"1;a= b\r\n",
    b"1;a=b c\r\n",
    b"1;a=b=c\r\n",
    b"1;a=\0\r\n",
    b"1;a\x7f\r\n",
    b"1;a\n",
    b'1;a="b\r\n',
    b'1;a="b"c\r\n',
    b'1;a="\x01"\r\n',
    b'1;a="\\\x01"\r\n',
    b"1\r\nxy",
    b"1\r\nx\n",
    b"1\r\nx\r\r\n",
    b"1\r\nx\r\n\r\n",
]


@pytest.mark.parametrize("stream", MALFORMED)
def test_what_is_no_chunk_is_malformed_however_it_is_cut(stream: bytes) -> None:
    for pieces in ([stream], [bytes((byte,)) for byte in stream], [stream[:1], stream[1:]]):
        assert decode(*pieces)[1].malformed, pieces


@pytest.mark.parametrize(
    "extension",
    [
        b";a",
        b";a=b",
        b";a;b=c;d",
        b';a="b c"',
        b';a=""',
        b';a="\\"\\\\";b',
        b';a="\t\xe9\\\xe9"',
        b";!#$%&'*+-.^_`|~=1",
    ],
)
def test_extensions_are_passed_over(extension: bytes) -> None:
    # RFC 9112 §7.1.1: "A recipient MUST ignore unrecognized chunk extensions."
    stream = b"1" + extension + b"\r\nx\r\n0" + extension + b"\r\n"
    data, decoder = decode(stream)
    assert (data, decoder.ended, decoder.malformed) == (b"x", True, False)
    assert decode(*(bytes((byte,)) for byte in stream))[0] == b"x"


@pytest.mark.parametrize("piece", [1, 7, LONGEST + 1, 10 * LONGEST])
@pytest.mark.parametrize("line", [b"1;" + b"a" * LONGEST, b"1;" + b"a" * LONGEST + b"\r\n", b"0" * LONGEST])
def test_a_line_that_is_too_long_is_malformed(line: bytes, piece: int) -> None:
    assert decode(*(line[at : at + piece] for at in range(0, len(line), piece)))[1].malformed


class Reference:
    """What httptools makes of the same: the data, and whether it is whole or malformed."""

    def __init__(self, stream: bytes) -> None:
        self.data = b""
        self.whole = self.malformed = False
        parser = HttpRequestParser(self)
        parser.feed_data(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            # The trailer section is empty.
            parser.feed_data(stream)
        except HttpParserError:
            self.malformed = not self.whole

    def on_body(self, piece: bytes) -> None:
        """Some data."""
        if not self.whole:
            self.data += piece

    def on_message_complete(self) -> None:
        """The end."""
        self.whole = True


def coded(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A body of such data, each with what stands behind its size."""
    return b"".join(b"%x%b\r\n%b\r\n" % (len(data), behind, data) for data, behind in chunks) + b"0\r\n\r\n"


EXTENSIONS = st.sampled_from([b"", b"", b";a", b";a=b", b';a="b\\"c"', b';a="\xe9";b=c'])
BODIES = st.lists(st.tuples(st.binary(min_size=1, max_size=40), EXTENSIONS), max_size=5).map(coded)


@settings(deadline=None, max_examples=300)
@given(BODIES, st.lists(st.integers(0, 1_000), max_size=8))
def test_httptools_finds_the_same_data(stream: bytes, places: list[int]) -> None:
    reference = Reference(stream)
    data, decoder = decode(*cut(stream, places))
    assert reference.whole
    assert decoder.ended
    assert data == reference.data


@settings(deadline=None, max_examples=1_500)
@given(
    BODIES,
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 2), st.sampled_from(b'\r\n\0 ;="0159aAfFgGx\\\t\x7f\xe9+-_'))
    ),
    st.lists(st.integers(0, 1_000), max_size=8),
)
@example(b"0\r\n\r\n", [(1, 1, 13)], [])
def test_what_httptools_refuses_is_refused(
    stream: bytes, mutations: list[tuple[int, int, int]], places: list[int]
) -> None:
    for place, removed, byte in mutations:
        at = place % len(stream)
        stream = stream[:at] + bytes((byte,)) + stream[at + removed :]
    reference = Reference(stream)
    data, decoder = decode(*cut(stream, places))
    if reference.malformed and not decoder.ended:
        # Only the form of an extension may be found out later, when its line has ended.
        assert decoder.malformed or b";" in stream
    if decoder.ended:
        # What httptools refuses then stands in the trailers.
        assert data == reference.data
    elif decoder.malformed:
        assert data.startswith(reference.data) or reference.data.startswith(data)
    else:
        assert data == reference.data
