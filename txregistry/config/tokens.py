"""The section `txregistry.tokens`: the built-in token server, and access tokens for machines."""

from __future__ import annotations

from attrs import field, frozen

from txregistry.config.forms import Form, Place, at_least, text
from txregistry.config.sections import option

_MINUTE = 60.0
_HOUR = 3600.0


def _path(place: Place) -> str:
    path = text.read(place)
    if not path.startswith("/") or path == "/" or path.startswith("/v2/") or not set("<>?#%\\ ").isdisjoint(path):
        raise place.refusal("must be a path that begins with a slash and lies outside of /v2/")
    return path


@frozen
class Tokens:
    """Tokens that this registry gives out itself. The section being there switches them on."""

    service: str = field(
        metadata=option("The service that tokens are for, such as the registry's name; the same on all replicas.", text)
    )
    issuer: str = field(
        default="txregistry", metadata=option("Who the tokens say has issued them; the same on all replicas.", text)
    )
    realm: str = field(
        default="",
        metadata=option(
            "The URL of the token server, where clients cannot reach it at the host that they asked (or at http.host): "
            "behind a proxy that speaks TLS for a server that does not, for one.",
            text,
        ),
    )
    path: str = field(
        default="/auth/token", metadata=option("The path of the token server, below http.prefix.", Form("path", _path))
    )
    lifetime: float = field(
        default=5 * _MINUTE,
        metadata=option("How long a token lasts; at least `1m`, as Docker wants it.", at_least(_MINUTE)),
    )
    refreshlifetime: float = field(
        default=720 * _HOUR,
        metadata=option(
            "How long a refresh token lasts, which `docker login` keeps in place of the password; at least `1m`.",
            at_least(_MINUTE),
        ),
    )
    rotation: float = field(
        default=720 * _HOUR,
        metadata=option(
            "How long a key signs until a new one does; at least `1m`. Old ones are believed until all that they have "
            "signed has run out.",
            at_least(_MINUTE),
        ),
    )
    keys: str = field(
        default="",
        metadata=option(
            "A folder for the keys, which replicas have to share. Where empty, they are kept in the store.", text
        ),
    )
