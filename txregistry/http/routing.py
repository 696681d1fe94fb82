"""From method and path to a handler: Klein's map behind a bounded cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from attrs import frozen
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from werkzeug.exceptions import NotFound

from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.settled import settled

# Values of a path as the map has them, and as handlers get them.
Arguments = Mapping[str, Any]
Prepare = Callable[[str, Arguments], Arguments]


@frozen
class Match:
    """A route's name and its handler's keyword arguments."""

    endpoint: str
    arguments: Arguments


class Router:
    """Matches requests against the routes of a `klein.Klein` application, and calls their handlers.

    A path is matched as it stands: redirects to other spellings are switched off here, and as far as werkzeug copies
    `url_map.strict_slashes` into each rule, by setting that to False before the routes are added.
    """

    def __init__(self, app: Klein, prepare: Prepare | None = None, size: int = 4096) -> None:
        """`prepare` turns a match's raw values into what handlers take, once for each path that is not in the cache; it
        may raise, and then nothing is kept. `size` is the most matches kept."""
        app.url_map.merge_slashes = False
        # Klein's types are those of its own requests and answers; it passes both through untouched.
        self._execute = cast(Callable[..., Response | Deferred[Response]], app.execute_endpoint)
        self._prepare = prepare
        self._size = size
        # The server's name and scheme matter to URLs that are built, and none is.
        self._adapter = app.url_map.bind("localhost")
        self._matches: dict[tuple[str, str], Match] = {}

    def match(self, method: str, path: str) -> Match:
        """Raise werkzeug's `NotFound` or `MethodNotAllowed` (which knows the valid methods), or what `prepare` does."""
        key = (method, path)
        match = self._matches.get(key)
        if match is None:
            if path.startswith("//"):
                raise NotFound()  # The map would take it for the path with one slash.
            endpoint, arguments = self._adapter.match(path, method)
            if self._prepare is not None:
                arguments = self._prepare(endpoint, arguments)
            match = Match(endpoint, arguments)
            if len(self._matches) >= self._size:
                # The oldest entry: a dict keeps the order in which they came.
                del self._matches[next(iter(self._matches))]
            self._matches[key] = match
        return match

    def execute(self, match: Match, request: Request) -> Response | Deferred[Response]:
        """Call the handler. A Deferred is returned only when it waits; raise what it raised."""
        answer = self._execute(match.endpoint, request, **match.arguments)
        if not isinstance(answer, Deferred):
            return answer
        outcome = settled(answer)
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return cast(Response, outcome)
