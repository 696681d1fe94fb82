"""From received bytes to requests: drives the parser, and counts what it does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from txregistry.http.body import RequestBody
from txregistry.http.client import Client
from txregistry.http.errors import BadMessage
from txregistry.http.head import examine
from txregistry.http.headers import Field, Headers
from txregistry.http.limits import Limits
from txregistry.http.request import Request
from txregistry.http.target import parse_target

# What is parsed at once outside of bodies: it bounds how many pipelined requests can pile up.
SLICE = 16 * 1024
# The same inside a chunked body, whose end may be followed by more requests.
CHUNKED_SLICE = 64 * 1024
# A chunk of one byte takes six more, with leading zeros in its size some more still.
OVERHEAD_PER_BYTE = 16
# Brings a fresh parser into the middle of a chunked body.
_CHUNKED_HEAD = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class RequestParser:
    """Turns bytes into requests, which wait in `requests`; what comes of their bodies waits inside of them.

    Bytes are added as they come, and parsed when there is use for what they hold. `body` is the one still arriving.
    After `problem` is set nothing more is parsed: the requests before it are good.
    `closed` is set by a request that is the last on its connection; what follows it is ignored.

    The parser's callbacks only take notes: one that raised would kill it, and handlers run after `parse`.
    """

    __slots__ = (
        "_clock",
        "_fed",
        "_fields",
        "_limits",
        "_offset",
        "_parser",
        "_pending",
        "_remaining",
        "_run",
        "_size",
        "_target",
        "_unfinished",
        "body",
        "client",
        "closed",
        "in_head",
        "problem",
        "requests",
    )

    def __init__(self, limits: Limits, clock: Callable[[], float], client: Client) -> None:
        self.client = client
        self.requests: deque[Request] = deque()
        self.body: RequestBody | None = None
        self.problem: BadMessage | None = None
        self.closed = False
        self.in_head = False
        self._limits = limits
        self._clock = clock
        # What is not parsed yet, and from where on.
        self._pending = b""
        self._offset = 0
        self._fields: list[Field] = []
        self._target = b""
        # Bytes of names and values in the head, or in the trailers, so far.
        self._size = 0
        # Bytes parsed since a head began or a body delivered something; and since the body began.
        self._run = 0
        self._fed = 0
        # Bytes of a Content-Length body that go past the parser.
        self._remaining = 0
        # A request with an upgrade and a body: the parser takes it for complete.
        self._unfinished = False
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
        """Parse one slice of what waits."""
        if self._remaining:
            self._offset = self._take_body(self._pending, self._offset)
        elif self.problem is not None or (self.closed and self.body is None):
            self._offset = len(self._pending)
        else:
            self._offset = self._feed(self._pending, self._offset)
        if self._offset == len(self._pending):
            self.forget()

    def forget(self) -> None:
        """Drop what waits."""
        self._pending, self._offset = b"", 0

    def _feed(self, data: bytes, start: int) -> int:
        """Give the parser a slice of the data from this offset on; return the offset behind it."""
        end = min(start + (SLICE if self.body is None else CHUNKED_SLICE), len(data))
        piece = data if end - start == len(data) else memoryview(data)[start:end]
        received = 0 if self.body is None else self.body.received
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade as upgrade:
            # Nobody is obliged to upgrade (RFC 9110 §7.8): what follows is parsed as if it had not been asked for.
            end = start + upgrade.args[0]
            self._pass_over_upgrade()
        except HttpParserError as error:
            if not self.closed or self.body is not None:
                self._refuse(400, f"the request is malformed: {str(error) or 'it cannot be parsed'}")
        if self.body is not None:
            if self.body.length is None:
                self._count_chunked(self.body, end - start, received)
            else:
                self._remaining = self.body.length - self.body.received
        elif self.in_head:
            self._run += end - start
            if self._run > self._limits.head + SLICE:
                self._refuse(431, "the header fields are too large")
        return end

    def _take_body(self, data: bytes, start: int) -> int:
        """The bytes of a declared length need no parser, which would copy them."""
        body = self.body
        assert body is not None
        end = min(start + self._remaining, len(data))
        body.feed(data if end - start == len(data) else data[start:end])
        self._remaining -= end - start
        if not self._remaining:
            self._parser = HttpRequestParser(self)
            self.on_message_complete()
        return end

    def _pass_over_upgrade(self) -> None:
        if self._unfinished:
            self._unfinished = False
            self._parser = HttpRequestParser(self)
            if self.body is not None and self.body.length is None:
                self._parser.feed_data(_CHUNKED_HEAD)

    def _count_chunked(self, body: RequestBody, fed: int, received_before: int) -> None:
        self._fed += fed
        self._run = self._run + fed if body.received == received_before else 0
        allowed = self._limits.chunk_overhead + CHUNKED_SLICE
        if self._run > allowed or self._fed - body.received > allowed + OVERHEAD_PER_BYTE * body.received:
            self._refuse(400, "the chunked coding takes too many bytes")

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
            self._size = self._run = self._fed = 0

    def on_url(self, piece: bytes) -> None:
        """Some of the target."""
        if self.body is None:
            self._target += piece
            if len(self._target) > self._limits.target:
                self._refuse(414, "the request target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; or of the trailers, which are counted and dropped."""
        self._size += len(name) + len(value)
        if self._size > self._limits.head or len(self._fields) >= self._limits.fields:
            self._refuse(431, "the header fields are too large or too many")
        else:
            self._fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is whole: it becomes a request, unless it may not be served."""
        if self.body is not None:
            return
        self.in_head = False
        self._run = 0
        if self.problem is not None or self.closed:
            return
        try:
            request = self._request()
        except BadMessage as problem:
            self.problem = problem
            return
        self.requests.append(request)
        self.closed = not request.keep_alive
        self._fields = []
        self._size = 0
        if not request.body.complete:
            self.body = request.body
            self._unfinished = self._parser.should_upgrade()

    def on_body(self, piece: bytes) -> None:
        """Some of the body, without its coding."""
        if self.body is not None:
            self.body.feed(piece)

    def on_message_complete(self) -> None:
        """The body is whole."""
        if self.body is not None and not self._unfinished and self.problem is None:
            self.body.complete = True
            self.body = None

    def _request(self) -> Request:
        parser, fields, client = self._parser, self._fields, self.client
        version = parser.get_http_version()
        method = parser.get_method().decode("ascii")
        framing = examine(fields, version)
        target = parse_target(self._target, method)
        if target.authority is not None:
            # RFC 9112 §3.2.2: "the origin server MUST ignore the received Host header field (if any) and instead
            # replace it with the host information of the request-target".
            fields = [field for field in fields if field[0] != b"host"]
            fields.insert(0, (b"host", target.authority))
        return Request(
            method,
            target.path,
            target.query,
            self._target.decode("ascii"),
            Headers(fields),
            RequestBody(framing.length, framing.expects_continue),
            version,
            client.secure,
            client.peer,
            self._clock(),
            None,
            None,
            client.port,
            client.certificate,
            parser.should_keep_alive(),
        )
