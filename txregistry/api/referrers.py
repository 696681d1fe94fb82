"""The manifests that name another one as their subject."""

from __future__ import annotations

from txregistry.api.pagination import last_seen
from txregistry.api.urls import URLs
from txregistry.http.headers import Field
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName
from txregistry.oci.referrers import build_index
from txregistry.registry.referrers import Referrers

# Clients that do not follow links see this many; they take an index of up to 4 MiB.
_PAGE = 1000
_TYPE: Field = (b"Content-Type", mediatypes.OCI_INDEX.encode("ascii"))


class ReferrerHandlers:
    """end-12."""

    def __init__(self, referrers: Referrers, urls: URLs) -> None:
        self._referrers = referrers
        self._urls = urls

    async def list(self, request: Request, name: RepositoryName, digest: Digest) -> Response:
        """An image index of descriptors, filtered by `artifactType` when that is asked for."""
        arguments = request.arguments()
        asked = arguments.get("artifactType")
        artifact_type = asked[0] if asked and asked[0] else None
        found, next_key = await self._referrers.page(name, digest, artifact_type, last_seen(arguments), _PAGE)
        headers = [_TYPE]
        following = {} if next_key is None else {"last": next_key}
        if artifact_type is not None:
            headers.append((b"OCI-Filters-Applied", b"artifactType"))
            if following:
                following["artifactType"] = artifact_type
        if following:
            path = f"v2/{name}/referrers/{digest}"
            headers.append((b"Link", self._urls.next_link(request, path, **following)))
        return Response(200, headers, build_index(found))
