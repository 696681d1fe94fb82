"""The route table: every endpoint of the specification and of Distribution, and what is ours alone, one row each.

It reads like the table in the distribution-spec ("Endpoints"); the application registers it on Klein, the guard takes
the access from it, and tests, metrics and the authorization matrix are generated from it.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen


class Access(Enum):
    """What a caller has to be allowed to do; DELETE is also what `storage.delete.enabled` switches.

    ACCOUNT is for whoever shows a password, and concerns nobody else.
    """

    NOTHING = "nothing"
    BASE = "base"
    ACCOUNT = "account"
    CATALOG = "catalog"
    LIST = "list"
    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


@frozen
class Route:
    """`name` is unique and names handler object and method; `changes` says whether it writes to the store."""

    name: str
    methods: tuple[str, ...]
    path: str
    access: Access
    changes: bool = False


READ = ("GET", "HEAD")

# Names of repositories hold slashes and are judged after matching, so that a bad one gets NAME_INVALID and not a 404.
_REPOSITORY = "/v2/<path:name>"
_UPLOADS = f"{_REPOSITORY}/blobs/uploads/"
# For operators. No repository can be called so, and what is fixed in a path goes before what is not.
_OWN = "/v2/_txregistry"
# Where `txregistry.tokens.path` says nothing else.
TOKEN_PATH = "/auth/token"

ROUTES = (
    Route("base.root", READ, "/", Access.NOTHING),
    Route("base.ping", READ, "/v2/", Access.BASE),
    Route("catalog.list", READ, "/v2/_catalog", Access.CATALOG),
    Route("tags.list", READ, f"{_REPOSITORY}/tags/list", Access.LIST),
    Route("manifests.get", READ, f"{_REPOSITORY}/manifests/<reference>", Access.PULL),
    Route("manifests.put", ("PUT",), f"{_REPOSITORY}/manifests/<reference>", Access.PUSH, changes=True),
    Route("manifests.delete", ("DELETE",), f"{_REPOSITORY}/manifests/<reference>", Access.DELETE, changes=True),
    Route("referrers.list", READ, f"{_REPOSITORY}/referrers/<digest>", Access.PULL),
    Route("blobs.get", READ, f"{_REPOSITORY}/blobs/<digest>", Access.PULL),
    Route("blobs.delete", ("DELETE",), f"{_REPOSITORY}/blobs/<digest>", Access.DELETE, changes=True),
    Route("uploads.start", ("POST",), _UPLOADS, Access.PUSH, changes=True),
    Route("uploads.status", READ, f"{_UPLOADS}<upload>", Access.PUSH),
    Route("uploads.append", ("PATCH",), f"{_UPLOADS}<upload>", Access.PUSH, changes=True),
    Route("uploads.finish", ("PUT",), f"{_UPLOADS}<upload>", Access.PUSH, changes=True),
    Route("uploads.cancel", ("DELETE",), f"{_UPLOADS}<upload>", Access.PUSH, changes=True),
    Route("tokens.token", ("GET",), TOKEN_PATH, Access.NOTHING),
    Route("tokens.exchange", ("POST",), TOKEN_PATH, Access.NOTHING),
    Route("machines.list", READ, f"{_OWN}/tokens", Access.ACCOUNT),
    Route("machines.create", ("POST",), f"{_OWN}/tokens", Access.ACCOUNT, changes=True),
    Route("machines.revoke", ("DELETE",), f"{_OWN}/tokens/<token>", Access.ACCOUNT, changes=True),
    Route("repositories.delete", ("DELETE",), f"{_OWN}/repositories/<path:name>", Access.DELETE, changes=True),
)
