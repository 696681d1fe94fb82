"""The registry as an application of the HTTP server: routes on Klein, one guard, one place for errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import frozen
from klein import Klein
from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from txregistry.api.arguments import parse_arguments
from txregistry.api.base import BaseHandlers
from txregistry.api.blobs import BlobHandlers
from txregistry.api.catalog import CatalogHandlers
from txregistry.api.errors import error_response
from txregistry.api.guard import Guard, ask, check_owner
from txregistry.api.manifests import ManifestHandlers
from txregistry.api.referrers import ReferrerHandlers
from txregistry.api.repositories import RepositoryHandlers
from txregistry.api.routes import ROUTES, TOKEN_PATH, Access, Route
from txregistry.api.tags import TagHandlers
from txregistry.api.tokens import MachineTokenHandlers, TokenServerHandlers, TokenServices
from txregistry.api.uploads import UploadHandlers
from txregistry.api.urls import URLs
from txregistry.concurrency.begun import begun
from txregistry.http.errors import BadMessage
from txregistry.http.exchange import Exchange
from txregistry.http.headers import Field
from txregistry.http.interfaces import IApplication
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.routing import Router
from txregistry.registry.registry import Registry

Handler = Callable[..., Awaitable[Response]]

# How an old client tells a registry of the second kind from the first (docs: "API Version Check").
_API_VERSION: Field = (b"Docker-Distribution-API-Version", b"registry/2.0")


@frozen
class Settings:
    """What the configuration says about the API; `headers` are added to every answer.

    `tokens` is None where there is no built-in token server.
    """

    urls: URLs
    guard: Guard
    headers: Sequence[Field]
    catalog_most: int
    tags_most: int
    tokens: TokenServices | None = None


@implementer(IApplication)
class RegistryApplication:
    """Answers every endpoint of the route table."""

    def __init__(
        self, registry: Registry, settings: Settings, on_finished: Callable[[Exchange], None] = lambda exchange: None
    ) -> None:
        """`on_finished` hears of every exchange when it is over."""
        self._guard = settings.guard
        self.headers: Sequence[Field] = (_API_VERSION, *settings.headers)
        # See `IApplication`.
        self.finished = on_finished
        urls = settings.urls
        handlers: Mapping[str, object] = {
            "base": BaseHandlers(),
            "blobs": BlobHandlers(registry.blobs, registry.turns),
            "catalog": CatalogHandlers(registry.catalog, urls, settings.catalog_most),
            "machines": MachineTokenHandlers(settings.tokens),
            "manifests": ManifestHandlers(registry.manifests, urls),
            "referrers": ReferrerHandlers(registry.referrers, urls),
            "repositories": RepositoryHandlers(registry.deletion),
            "tags": TagHandlers(registry.tags, urls, settings.tags_most),
            "tokens": TokenServerHandlers(settings.tokens),
            "uploads": UploadHandlers(registry.uploads, registry.blobs, urls),
        }
        app = Klein()
        # Without these, Werkzeug answers some paths with a redirect to whatever the Host header says.
        app.url_map.strict_slashes = False
        app.url_map.merge_slashes = False
        for route in ROUTES:
            group, _, method = route.name.partition(".")
            below = settings.tokens.path if settings.tokens and route.path == TOKEN_PATH else route.path
            path = below if below == "/" else urls.prefix.rstrip("/") + below
            endpoint = self._endpoint(route, getattr(handlers[group], method))
            # Klein's type of a handler knows only twisted.web's request and results.
            app.route(path, methods=list(route.methods), endpoint=route.name)(endpoint)  # type: ignore[type-var]
        self._router = Router(app, parse_arguments)

    def handle(self, request: Request) -> Response | Deferred[Response]:
        """See `IApplication`."""
        try:
            match = self._router.match(request.method, request.path)
        except Exception as error:
            return error_response(error)
        return self._router.execute(match, request)

    def refused(self, problem: BadMessage) -> Response:
        """See `IApplication`."""
        return error_response(problem)

    def _endpoint(self, route: Route, handler: Handler) -> Callable[..., Response | Deferred[Response]]:
        guard = self._guard
        door = None if route.access is Access.NOTHING else guard.door

        async def answer(request: Request, arguments: Mapping[str, object]) -> Response:
            request.route = route.name
            try:
                if door is not None:
                    grant = ask(door, route, request, arguments)
                    if isinstance(grant, Deferred):
                        grant = await grant
                    request.grant, request.user = grant, grant.user
                    check_owner(grant, arguments)
                guard.admit(route)
                return await handler(request, **arguments)
            except CancelledError:
                raise
            except Exception as error:
                return error_response(error)

        def endpoint(request: Request, **arguments: object) -> Response | Deferred[Response]:
            return begun(answer(request, arguments))

        return endpoint
