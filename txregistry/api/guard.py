"""Whether a request may go on, decided from the route table before its body is read."""

from __future__ import annotations

from attrs import frozen

from txregistry.api.routes import Access, Route
from txregistry.oci.errors import Unsupported


@frozen
class Guard:
    """`read_only` is storage.maintenance.readonly.enabled, `deletes` storage.delete.enabled."""

    read_only: bool
    deletes: bool

    def admit(self, route: Route) -> None:
        """Raise `Unsupported`."""
        if not route.changes:
            return
        if self.read_only:
            raise Unsupported("the registry is read-only")
        if route.access is Access.DELETE and not self.deletes:
            raise Unsupported("deleting is switched off (storage.delete.enabled)")
