"""Whether a request may go on, decided from the route table before its body is read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from attrs import frozen
from twisted.internet.defer import Deferred

from txregistry.api.routes import Access, Route
from txregistry.auth.door import Door, Grant
from txregistry.auth.interfaces import Action, Credentials, Demand
from txregistry.auth.ownership import is_owner
from txregistry.http.request import Request
from txregistry.oci.errors import Unsupported, UploadUnknown
from txregistry.oci.names import RepositoryName, UploadId

_ACTIONS = {
    Access.LIST: Action.LIST,
    Access.PULL: Action.PULL,
    # Whoever may only create is stopped where there is something to replace.
    Access.PUSH: Action.CREATE,
    Access.DELETE: Action.DELETE,
}
_KNOWN = Demand()
_CATALOG = Demand(catalog=True)
_ACCOUNT = Demand(account=True)


@frozen
class Guard:
    """`read_only` is storage.maintenance.readonly.enabled, `deletes` storage.delete.enabled.

    Without a door everybody may do everything.
    """

    read_only: bool
    deletes: bool
    door: Door | None = None

    def admit(self, route: Route) -> None:
        """Raise `Unsupported`."""
        if not route.changes:
            return
        if self.read_only:
            raise Unsupported("the registry is read-only")
        if route.access is Access.DELETE and not self.deletes:
            raise Unsupported("deleting is switched off (storage.delete.enabled)")


def ask(door: Door, route: Route, request: Request, arguments: Mapping[str, object]) -> Grant | Deferred[Grant]:
    """What whoever sent the request may do; raises and fails as `Door.admit`."""
    headers, wanted = request.headers, demand(route, request, arguments)
    grant = door.recall(headers.get(b"authorization"), request.client_certificate, wanted)
    if grant is not None:
        return grant
    credentials = Credentials(
        headers.text(b"authorization"), request.peer, request.client_certificate, headers.text(b"host")
    )
    return door.admit(credentials, wanted)


def check_owner(grant: Grant, arguments: Mapping[str, object]) -> None:
    """Raise `UploadUnknown` where the request is for an upload session that somebody else has begun (CVE-2026-32589).

    Also for one that another registry on the folder has begun, which cannot be told from it.
    """
    upload = arguments.get("upload")
    if isinstance(upload, UploadId) and not is_owner(upload, grant.user):
        raise UploadUnknown(upload)


def demand(route: Route, request: Request, arguments: Mapping[str, object]) -> Demand:
    """What a request to this route wants to do."""
    if route.access is Access.BASE:
        return _KNOWN
    if route.access is Access.CATALOG:
        return _CATALOG
    if route.access is Access.ACCOUNT:
        return _ACCOUNT
    source = None
    if route.name == "uploads.start" and request.query:
        query = request.arguments()
        source = query["from"][0] if query.get("mount") and query.get("from") else None
    name = cast(RepositoryName, arguments["name"]).text
    if source is not None:
        return Demand(name, _ACTIONS[route.access], source=source)
    return _demand(name, route.access)


@lru_cache(maxsize=4096)
def _demand(name: str, access: Access) -> Demand:
    return Demand(name, _ACTIONS[access])


def grant_of(request: Request) -> Grant | None:
    """What the door let the client in for; None where there is no door."""
    return cast("Grant | None", request.grant)
