"""Range of downloads and Content-Range of both ways: parse and format."""

from __future__ import annotations

import re

from attrs import frozen

from txregistry.oci.errors import ContentRangeInvalid, RangeInvalid

# RFC 9110 §14.1.2: a list of ranges, with white space around an element.
_UNIT = re.compile(r"bytes=", re.ASCII | re.IGNORECASE)
_RANGE = re.compile(r"[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII)
# podman asks for 1,024 parts of a layer at once, and for no more.
_MOST_RANGES = 2048
# The specification's form, or RFC 9110 §14.4's.
_CONTENT_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_HTTP_CONTENT_RANGE = re.compile(r"bytes[ \t]+([0-9]+)-([0-9]+)/(?:\*|([0-9]+))", re.ASCII | re.IGNORECASE)
# Offsets of files end here; more digits than it has are never converted.
_LARGEST = 2**63 - 1
_DIGITS = len(str(_LARGEST))


@frozen
class ByteRange:
    """Offsets in bytes, both inclusive, `first <= last`."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """In bytes, at least 1."""
        return self.last - self.first + 1


def parse_ranges(header: str, size: int) -> tuple[ByteRange, ...]:
    """The parts of `size` bytes that a Range header asks for (RFC 9110 §14.2), cut at the end.

    None at all means: answer as if there were no header. So it is, as the RFC allows, for other units than `bytes`, for
    what cannot be parsed, for more ranges than any client asks for or such as make more bytes than there are, and where
    there are no bytes, because some clients send `bytes=0-` always.

    A range that begins behind the end, the last no bytes (`-0`), and one that ends before it begins, which the RFC lets
    a server ignore or reject (§14.2), are left out. Raise `RangeInvalid` where no other is left.
    """
    unit = _UNIT.match(header)
    if unit is None or size == 0 or header.count(",") >= _MOST_RANGES:
        return ()
    matches = [_RANGE.fullmatch(element) for element in header[unit.end() :].split(",")]
    asked = [match.groups() for match in matches if match is not None]
    if len(asked) < len(matches) or ("", "") in asked:
        return ()
    parts = [part for first, last in asked if (part := _part(first, last, size)) is not None]
    if not parts:
        raise RangeInvalid(size)
    return tuple(parts) if sum(part.length for part in parts) <= size else ()


def _part(first: str, last: str, size: int) -> ByteRange | None:
    if not first:
        suffix = _number(last)
        return ByteRange(max(0, size - suffix), size - 1) if suffix else None
    begin, end = _number(first), _number(last) if last else _LARGEST
    return ByteRange(begin, min(end, size - 1)) if begin < size and begin <= end else None


def format_content_range(part: ByteRange | None, size: int) -> str:
    """The Content-Range of a 206 (RFC 9110 §14.4), or of a 416 where there is no part."""
    return f"bytes */{size}" if part is None else f"bytes {part.first}-{part.last}/{size}"


def parse_content_range(header: str) -> tuple[int, int]:
    """The offsets of a chunk's first and last byte in its upload; raise `ContentRangeInvalid`.

    distribution-spec, "Pushing a blob in chunks": "It MUST match the following regular expression:
    `^[0-9]+-[0-9]+$`". The form of HTTP, `bytes 0-9/*` or `bytes 0-9/10`, is taken too: Distribution 3 refuses it,
    but 2 never looks at the header, and the meaning is the same.
    """
    match = _CONTENT_RANGE.fullmatch(header) or _HTTP_CONTENT_RANGE.fullmatch(header)
    if match is None:
        raise ContentRangeInvalid(header)
    first, last = _number(match[1]), _number(match[2])
    if last < first or last == _LARGEST:
        raise ContentRangeInvalid(header)
    if match.lastindex == 3 and last >= _number(match[3]):
        raise ContentRangeInvalid(header)
    return first, last


def _number(digits: str) -> int:
    """Of any length; what is too large for a file is the largest offset."""
    significant = digits.lstrip("0") or "0"
    return _LARGEST if len(significant) > _DIGITS else min(int(significant), _LARGEST)
