"""A request whose head is complete and whose body may still be arriving."""

from __future__ import annotations

from attrs import define

from txregistry.http.body import RequestBody
from txregistry.http.headers import Headers


@define(eq=False)
class Request:
    """What a handler is given.

    `path` is percent-decoded once, as strict UTF-8; `query` is the undecoded text behind the first `?`; `peer` is the
    client's address as text; `received_at` the clock's seconds when the head was complete.
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

    def arguments(self) -> dict[str, list[str]]:
        """The query's parameters, decoded, in order; raise `BadMessage(400)` where it is not valid."""
        raise NotImplementedError
