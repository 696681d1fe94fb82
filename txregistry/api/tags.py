"""The tags of a repository."""

from __future__ import annotations

from txregistry.api.names import json_names
from txregistry.api.pagination import last_seen, page_size
from txregistry.api.responses import JSON
from txregistry.api.urls import URLs
from txregistry.http.headers import Field
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.oci.names import RepositoryName
from txregistry.registry.tags import Tags


class TagHandlers:
    """end-8."""

    def __init__(self, tags: Tags, urls: URLs, most: int) -> None:
        """`most` is tags.maxtags: a page that is asked to be longer is cut to it."""
        self._tags = tags
        self._urls = urls
        self._most = most

    async def list(self, request: Request, name: RepositoryName) -> Response:
        """All of them, or a page of `n` behind `last`."""
        arguments = request.arguments()
        size = page_size(arguments)
        if size is not None:
            size = min(size, self._most)
        tags, more = await self._tags.page(name, last_seen(arguments), size)
        link: tuple[Field, ...] = ()
        if more:
            path = f"v2/{name}/tags/list"
            link = ((b"Link", self._urls.next_link(request, path, last=tags[-1], n=str(size))),)
        # The name of a repository has nothing that JSON writes otherwise.
        body = f'{{"name":"{name}","tags":{json_names(tags)}}}'
        return Response(200, (JSON, *link), body.encode())
