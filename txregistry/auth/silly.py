"""`auth.silly`: whoever shows anything at all is let in, for tests of clients."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from txregistry.auth.interfaces import Credentials, IAuthenticator, Identity, Need
from txregistry.auth.scopes import bearer_challenge

_USER = Identity("silly")


@implementer(IAuthenticator)
@frozen
class SillyAuthenticator:
    """Only looks whether there is an Authorization header, as Distribution's does."""

    realm: str
    service: str
    knows_anonymous: bool = False
    grants_anonymous: bool = False

    def recall(self, authorization: bytes | None, certificate: bytes | None) -> Identity | None:
        """See `IAuthenticator`."""
        return _USER if authorization else None

    def identify(self, credentials: Credentials) -> Identity | None:
        """See `IAuthenticator`."""
        return _USER if credentials.authorization else None

    def challenge(self, needs: Sequence[Need], credentials: Credentials, problem: str | None) -> str:
        """See `IAuthenticator`."""
        return bearer_challenge(self.realm, self.service, needs, None)
