"""A request whose head is complete and whose body may still be arriving."""

from __future__ import annotations

from attrs import define

from txregistry.http.body import RequestBody
from txregistry.http.errors import BadMessage
from txregistry.http.headers import Headers
from txregistry.http.target import unquote


@define(eq=False)
class Request:
    """What a handler is given.

    `path` is percent-decoded once, as strict UTF-8; `query` is the undecoded text behind the first `?`; `peer` is the
    client's address as text (empty on a Unix socket); `received_at` the clock's seconds when the head was complete.
    """

    method: str
    path: str
    query: str
    target: str
    headers: Headers
    body: RequestBody
    version: str
    secure: bool
    peer: str
    received_at: float
    # Set by the application for its logs: who asked, and which route it was.
    user: str | None = None
    route: str | None = None
    # The client's port; None on a Unix socket.
    peer_port: int | None = None
    # What the client showed in the TLS handshake, as DER; whether it was verified is a matter of the TLS settings.
    client_certificate: bytes | None = None
    # Whether the client would use the connection again.
    keep_alive: bool = True
    # What the application found that the client may do; the server does not look at it.
    grant: object = None

    def arguments(self) -> dict[str, list[str]]:
        """The query's parameters, decoded, in order; raise `BadMessage(400)` where it is not valid."""
        arguments: dict[str, list[str]] = {}
        if self.query:
            for pair in self.query.split("&"):
                if pair:
                    name, _, value = pair.partition("=")
                    arguments.setdefault(_decoded(name), []).append(_decoded(value))
        return arguments


def _decoded(text: str) -> str:
    """A form-encoded name or value: `+` is a space, the rest percent-encoded UTF-8 without NUL."""
    if "%" not in text:
        return text.replace("+", " ")
    decoded = unquote(text.replace("+", " ").encode("ascii"))
    if "\0" in decoded:
        raise BadMessage(400, "a query parameter has a NUL")
    return decoded
