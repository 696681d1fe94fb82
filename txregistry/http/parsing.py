"""From received bytes to requests: drives the parser, and counts what it does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from txregistry.http.body import RequestBody
from txregistry.http.chunks import ChunkedDecoder
from txregistry.http.client import Client
from txregistry.http.errors import BadMessage
from txregistry.http.head import examine
from txregistry.http.headers import Field, Headers
from txregistry.http.known import Head, KnownHeads
from txregistry.http.limits import Limits
from txregistry.http.request import Request
from txregistry.http.target import parse_target

# What the parser is given at once: it bounds how far a head passes its limit.
SLICE = 16 * 1024
# A chunk of one byte takes six more, with leading zeros in its size some more still.
OVERHEAD_PER_BYTE = 16
# The end of a head, and of a trailer section.
_END = b"\r\n\r\n"
# Brings a fresh parser to the trailers of a chunked body.
_LAST_CHUNK = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"


class RequestParser:
    """Turns bytes into requests, which wait in `requests`; what comes of their bodies waits inside of them.

    Bytes are added as they come, and parsed when there is use for what they hold. `body` is the one still arriving.
    After `problem` is set nothing more is parsed: the requests before it are good.
    `closed` is set by a request that is the last on its connection; what follows it is ignored.

    httptools parses heads and trailers, and is never given a byte of a body, which it would copy and hand over chunk by
    chunk; nor a head that is `known`, whole and from its first byte, which would be parsed to the same. Its callbacks
    only take notes: one that raised would kill it, and handlers run after `parse`.
    """

    __slots__ = (
        "_chunks",
        "_clock",
        "_fed",
        "_fields",
        "_known",
        "_learned",
        "_limits",
        "_offset",
        "_parser",
        "_pending",
        "_run",
        "_tail",
        "_target",
        "body",
        "client",
        "closed",
        "in_head",
        "problem",
        "requests",
    )

    def __init__(self, limits: Limits, clock: Callable[[], float], client: Client, known: KnownHeads) -> None:
        self.client = client
        self.requests: deque[Request] = deque()
        self.body: RequestBody | None = None
        self.problem: BadMessage | None = None
        self.closed = False
        self.in_head = False
        self._limits = limits
        self._clock = clock
        self._known = known
        # Of a request that might come again, and needs nothing else.
        self._learned: Head | None = None
        # What is not parsed yet, and from where on.
        self._pending = b""
        self._offset = 0
        self._fields: list[Field] = []
        self._target = b""
        # Bytes that have come since a head or trailers began, and the last three of them.
        self._run = 0
        self._tail = b""
        # The decoder of a chunked body until its trailers begin, and the bytes it has read.
        self._chunks: ChunkedDecoder | None = None
        self._fed = 0
        self._parser = HttpRequestParser(self)

    @property
    def unparsed(self) -> int:
        """How many bytes wait to be parsed."""
        return len(self._pending) - self._offset

    def add(self, data: bytes) -> None:
        """Bytes have come."""
        self._pending = self._pending[self._offset :] + data if self._offset < len(self._pending) else data
        self._offset = 0

    def parse(self) -> None:
        """Parse what has come of one request; of the head only so much at once."""
        self._step()
        while self.body is not None and self.problem is None and self._offset < len(self._pending):
            self._step()

    def forget(self) -> None:
        """Drop what waits."""
        self._pending, self._offset = b"", 0

    def _step(self) -> None:
        body = self.body
        if body is not None and body.length is not None:
            self._offset = self._take_body(body, body.length, self._pending, self._offset)
        elif self.problem is not None or (self.closed and body is None):
            self._offset = len(self._pending)
        elif body is not None and self._chunks is not None:
            self._offset = self._decode(body, self._chunks, self._pending, self._offset)
        else:
            self._offset = self._feed(self._pending, self._offset)
        if self._offset == len(self._pending):
            self.forget()

    def _feed(self, data: bytes, start: int) -> int:
        """Give the parser what has come of a head or of trailers, and nothing else; return the offset behind it."""
        end = self._end_of_head(data, start)
        piece = data if end - start == len(data) else data[start:end]
        begins = self._run == 0 and self.body is None
        if begins:
            head = self._known.get(piece)
            if head is not None:
                self.requests.append(head.request(RequestBody(0), self.client, self._clock()))
                return end
        self._run += end - start
        if self._run > (self._limits.head if self.body is None else self._limits.chunk_overhead):
            self._refuse(431, "the header fields are too large")
            return end
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            # Nobody is obliged to upgrade (RFC 9110 §7.8): what follows is parsed as if it had not been asked for.
            self._parser = HttpRequestParser(self)
        except HttpParserError as error:
            if not self.closed or self.body is not None:
                self._refuse(400, f"the request is malformed: {str(error) or 'it cannot be parsed'}")
        if self._learned is not None:
            if begins:
                self._known.keep(piece, self._learned)
            self._learned = None
        return end

    def _end_of_head(self, data: bytes, start: int) -> int:
        """Where a head or the trailers end; where they do not, where this slice of them does."""
        tail = self._tail
        if tail:
            found = (tail + data[start : start + 3]).find(_END)
            if found >= 0:
                self._tail = b""
                return start + found + len(_END) - len(tail)
        found = data.find(_END, start, start + SLICE)
        if found >= 0:
            self._tail = b""
            return found + len(_END)
        end = min(start + SLICE, len(data))
        self._tail = (tail + data[max(start, end - 3) : end])[-3:]
        return end

    def _take_body(self, body: RequestBody, length: int, data: bytes, start: int) -> int:
        end = min(start + length - body.received, len(data))
        body.feed(data if end - start == len(data) else data[start:end])
        if body.received == length:
            self._parser = HttpRequestParser(self)
            self._complete(body)
        return end

    def _decode(self, body: RequestBody, chunks: ChunkedDecoder, data: bytes, start: int) -> int:
        piece, end = chunks.decode(data, start)
        self._fed += end - start
        if piece:
            body.feed(piece)
        if chunks.malformed:
            self._refuse(400, "the chunked coding is malformed")
        elif self._fed - body.received > self._limits.chunk_overhead + OVERHEAD_PER_BYTE * body.received:
            self._refuse(400, "the chunked coding takes too many bytes")
        elif chunks.ended:
            self._chunks = None
            self._parser = HttpRequestParser(self)
            self._parser.feed_data(_LAST_CHUNK)
            self._fields = []
            self._run = 0
            self._tail = _END[:2]
        return end

    def _complete(self, body: RequestBody) -> None:
        body.complete = True
        self.body = None

    def _refuse(self, status: int, reason: str) -> None:
        if self.problem is None:
            self.problem = BadMessage(status, reason)

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        if self.body is None:
            self.in_head = True
            self._fields = []
            self._target = b""

    def on_url(self, piece: bytes) -> None:
        """Some of the target."""
        if self.body is None:
            self._target += piece
            if len(self._target) > self._limits.target:
                self._refuse(414, "the request target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; or of the trailers, which are counted and dropped."""
        self._fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is whole: it becomes a request, unless it may not be served."""
        if self.body is not None:
            return
        self.in_head = False
        self._run = 0
        self._count_fields()
        if self.problem is not None or self.closed:
            return
        try:
            framing = examine(self._fields, self._parser.get_http_version())
            head = self._head()
        except BadMessage as problem:
            self.problem = problem
            return
        self._fields = []
        body = RequestBody(framing.length, framing.expects_continue)
        self.requests.append(head.request(body, self.client, self._clock()))
        self.closed = not head.keep_alive
        if not body.complete:
            self.body = body
            if body.length is None:
                self._chunks = ChunkedDecoder(self._limits.chunk_overhead)
                self._fed = 0
        elif head.keep_alive and not body.expects_continue:
            self._learned = head

    def on_message_complete(self) -> None:
        """The trailers are whole, and with them the body; or a head is that has none."""
        if self.body is not None and self._chunks is None and self.body.length is None:
            self._count_fields()
            if self.problem is None:
                self._run = 0
                self._complete(self.body)

    def _count_fields(self) -> None:
        if len(self._fields) > self._limits.fields:
            self._refuse(431, "the header fields are too many")

    def _head(self) -> Head:
        parser, fields = self._parser, self._fields
        method = parser.get_method().decode("ascii")
        target = parse_target(self._target, method)
        if target.authority is not None:
            # RFC 9112 §3.2.2: "the origin server MUST ignore the received Host header field (if any) and instead
            # replace it with the host information of the request-target".
            fields = [field for field in fields if field[0] != b"host"]
            fields.insert(0, (b"host", target.authority))
        return Head(
            method,
            target.path,
            target.query,
            self._target.decode("ascii"),
            Headers(fields),
            parser.get_http_version(),
            parser.should_keep_alive(),
        )
