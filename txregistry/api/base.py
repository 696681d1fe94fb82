"""The root and the ping: is there a registry, and which API does it speak."""

from __future__ import annotations

from txregistry.api.responses import JSON
from txregistry.http.request import Request
from txregistry.http.response import Response

_EMPTY_OBJECT = b"{}"
_PING = Response(200, (JSON,), _EMPTY_OBJECT)
_ROOT = Response(200, ((b"Cache-Control", b"no-cache"),))


class BaseHandlers:
    """Endpoints of no repository."""

    async def root(self, _request: Request) -> Response:
        """For load balancers that can only ask for `/`."""
        return _ROOT

    async def ping(self, _request: Request) -> Response:
        """end-1: the registry implements the specification."""
        return _PING
