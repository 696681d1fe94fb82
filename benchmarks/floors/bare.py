"""The HTTP server without a registry: `python -m benchmarks.floors.bare PORT ROOT CERTIFICATE KEY`."""

from __future__ import annotations

import sys

from twisted.internet import reactor
from zope.interface import implementer

from txregistry.http.errors import BadMessage
from txregistry.http.exchange import Exchange
from txregistry.http.interfaces import IApplication
from txregistry.http.ports import listen_tcp
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.server import HTTPFactory
from txregistry.http.tls import TLSContext, TLSSettings

_TYPE = (b"Content-Type", b"application/json")
_SIZE = 2400
"""About that of the manifests in the folder."""


@implementer(IApplication)
class Constant:
    """One answer to all that is asked; another to `/v2/`, which is as short as a registry's."""

    headers = ()
    base = Response(200, (_TYPE,), b"{}")
    other = Response(200, (_TYPE,), b" " * _SIZE)
    unknown = Response(404, (_TYPE,), b"{}")

    def handle(self, request: Request) -> Response:
        """See `IApplication`."""
        if request.path == "/v2/":
            return self.base
        return self.unknown if request.path.endswith("0" * 64) else self.other

    def refused(self, problem: BadMessage) -> Response:
        """See `IApplication`."""
        return Response(problem.status)

    def finished(self, exchange: Exchange) -> None:
        """See `IApplication`."""


def _run(port: str, root: str, certificate: str, key: str) -> None:
    tls = TLSContext(TLSSettings(certificate, key)) if certificate else None
    listen_tcp(reactor, int(port), HTTPFactory(Constant(), reactor, tls=tls), "127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    _run(*sys.argv[1:])
