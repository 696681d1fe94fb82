"""Where the chunks of a chunked body begin and end (RFC 9112 §7.1)."""

from __future__ import annotations

import re

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
_EXTENSION = rb";" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?+"
# The end of a chunk's data, and all that stands before the data of the next one.
_BETWEEN = re.compile(rb"\r\n([0-9A-Fa-f]{1,16})(?:" + _EXTENSION + rb")*+\r\n")
# What may still become that.
_BEGUN = re.compile(rb"\r(?:\n(?:[0-9A-Fa-f]{1,16}(?:;[^\r\n]*+)?+\r?)?)?")


class ChunkedDecoder:
    """Finds the data in a chunked body that comes in pieces.

    `ended` is set behind the line of the last chunk: the trailer section follows. `malformed` is set where something
    else than a chunk follows, and nothing is read any more. Extensions are looked at only for their form: "A recipient
    MUST ignore unrecognized chunk extensions".
    """

    __slots__ = ("_begun", "_left", "_longest", "ended", "malformed")

    def __init__(self, longest: int) -> None:
        """At most so many bytes may stand between the data of two chunks."""
        self.ended = False
        self.malformed = False
        self._longest = longest
        # Bytes of this chunk's data that have not come yet.
        self._left = 0
        # What has come of that which stands between two chunks: there is none before the first, but it looks alike.
        self._begun = b"\r\n"

    def decode(self, coded: bytes, start: int) -> tuple[bytes, int]:
        """The data in `coded` from `start` on, and the offset behind: the end of `coded` unless the body has ended."""
        view = memoryview(coded)
        data: list[memoryview] = []
        at, end = start, len(coded)
        while at < end and not self.ended and not self.malformed:
            if self._left:
                piece = view[at : at + self._left]
                data.append(piece)
                at += len(piece)
                self._left -= len(piece)
            else:
                at = self._begin_chunk(coded, at)
        return b"".join(data), at

    def _begin_chunk(self, coded: bytes, at: int) -> int:
        """Read what stands before a chunk's data; return the offset behind it, or the end if there is more to come."""
        before = 0
        if self._begun:
            before = at - len(self._begun)
            coded, at = self._begun + coded[at : at + self._longest], 0
        found = _BETWEEN.match(coded, at)
        end = len(coded) if found is None else found.end()
        if end - at > self._longest:
            self.malformed = True
        elif found is None:
            self._begun = coded[at:]
            self.malformed = _BEGUN.fullmatch(self._begun) is None
        else:
            self._begun = b""
            self._left = int(found[1], 16)
            self.ended = not self._left
        return before + end
