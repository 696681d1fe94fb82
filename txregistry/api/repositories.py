"""Whole repositories, for operators."""

from __future__ import annotations

from txregistry.api.responses import empty_response
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.oci.names import RepositoryName
from txregistry.registry.deletion import RepositoryDeletion


class RepositoryHandlers:
    """What the specification has no endpoint for."""

    def __init__(self, deletion: RepositoryDeletion) -> None:
        self._deletion = deletion

    async def delete(self, _request: Request, name: RepositoryName) -> Response:
        """The repository with all that is its own; those below it stay."""
        await self._deletion.delete(name)
        return empty_response(202)
