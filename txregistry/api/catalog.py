"""The repositories of the registry."""

from __future__ import annotations

from txregistry.api.guard import grant_of
from txregistry.api.names import json_names
from txregistry.api.pagination import last_seen, page_size
from txregistry.api.responses import JSON
from txregistry.api.urls import URLs
from txregistry.http.headers import Field
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.oci.errors import PaginationInvalid
from txregistry.registry.catalog import Catalog

_DEFAULT_SIZE = 100


class CatalogHandlers:
    """Distribution's `_catalog`, which the specification leaves out."""

    def __init__(self, catalog: Catalog, urls: URLs, most: int) -> None:
        """`most` is catalog.maxentries: a page that is asked to be longer is refused, as Distribution does."""
        self._catalog = catalog
        self._urls = urls
        self._most = most

    async def list(self, request: Request) -> Response:
        """A page of `n` names behind `last`."""
        arguments = request.arguments()
        asked = page_size(arguments)
        if asked is not None and asked > self._most:
            raise PaginationInvalid(str(asked))
        size = min(_DEFAULT_SIZE, self._most) if asked is None else asked
        grant = grant_of(request)
        visible = None if grant is None or grant.is_unlimited else grant.may_see
        names, more = await self._catalog.page(last_seen(arguments), size, visible)
        link: tuple[Field, ...] = ()
        if more:
            link = ((b"Link", self._urls.next_link(request, "v2/_catalog", last=names[-1], n=str(size))),)
        return Response(200, (JSON, *link), f'{{"repositories":{json_names(names)}}}'.encode())
