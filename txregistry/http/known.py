"""Heads that came before, byte for byte, and what they were parsed to."""

from __future__ import annotations

from attrs import frozen

from txregistry.http.body import RequestBody
from txregistry.http.client import Client
from txregistry.http.headers import Headers
from txregistry.http.request import Request

# Clients say the same in a few hundred bytes again and again; of what is longer there would be too much.
LONGEST = 1024
# So many are remembered: some MiB.
MOST = 1024

# What proves who somebody is stays in memory no longer than it is needed.
_SECRET = (b"authorization", b"proxy-authorization", b"cookie")


@frozen(eq=False)
class Head:
    """What the bytes of a head say, whoever sends them; see `Request`."""

    method: str
    path: str
    query: str
    target: str
    headers: Headers
    version: str
    keep_alive: bool

    def request(self, body: RequestBody, client: Client, now: float) -> Request:
        """What this client asks for now."""
        return Request(
            self.method,
            self.path,
            self.query,
            self.target,
            self.headers,
            body,
            self.version,
            client.secure,
            client.peer,
            now,
            None,
            None,
            client.port,
            client.certificate,
            self.keep_alive,
        )


class KnownHeads:
    """Of requests without a body, after which the connection goes on, and which show nothing secret."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        # What these bytes are parsed to, or None.
        self.get = self._heads.get

    def keep(self, data: bytes, head: Head) -> None:
        """These bytes, from the first of the head to the last, are parsed to that."""
        if len(data) > LONGEST or any(head.headers.get(name) is not None for name in _SECRET):
            return
        if len(self._heads) >= MOST:
            # The oldest entry: a dict keeps the order in which they came.
            del self._heads[next(iter(self._heads))]
        self._heads[data] = head
