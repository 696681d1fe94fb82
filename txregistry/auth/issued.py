"""Tokens of the built-in token server, and passwords beside them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.auth.basic import REMEMBERED_SECONDS, BasicAuthenticator
from txregistry.auth.challenges import parse_bearer
from txregistry.auth.errors import BadCredentials
from txregistry.auth.interfaces import Credentials, IAuthenticator, Identity, Need
from txregistry.auth.jws import parse_token
from txregistry.auth.keyring import LOOK_SECONDS, Keyring
from txregistry.auth.remembered import Remembered
from txregistry.auth.scopes import bearer_challenge
from txregistry.auth.token import TokenSettings, check_token

_MOST_REMEMBERED = 10_000
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@frozen
class Realm:
    """Where the token server is: at `url`, or at `path` of the host that was asked, over TLS or not."""

    url: str
    path: str
    secure: bool

    def of(self, host: str | None) -> str:
        """Its URL for whoever asked this host."""
        if self.url or host is None or not _HOST.fullmatch(host):
            return self.url or self.path
        return f"{'https' if self.secure else 'http'}://{host}{self.path}"


@implementer(IAuthenticator)
class IssuedTokenAuthenticator:
    """Bearer credentials that the built-in token server has signed, on whichever replica, or Basic ones.

    The challenge is for a token: Docker fetches one without an account too, and with one it signs in for it.
    """

    grants_anonymous = True

    def __init__(
        self,
        realm: Realm,
        settings: TokenSettings,
        keyring: Keyring,
        basic: BasicAuthenticator,
        now: Callable[[], float],
    ) -> None:
        """`now` tells seconds since the epoch."""
        self.knows_anonymous: bool = basic.knows_anonymous
        self._realm = realm
        self._settings = settings
        self._keyring = keyring
        self._basic = basic
        self._now = now
        self._known: Remembered[Identity] = Remembered(_MOST_REMEMBERED)

    def recall(self, authorization: bytes | None, certificate: bytes | None) -> Identity | None:
        """See `IAuthenticator`."""
        known = None if authorization is None else self._known.get(_digest(authorization), self._now())
        return self._basic.recall(authorization, certificate) if known is None else known

    def identify(self, credentials: Credentials) -> Identity | Deferred[Identity | None] | None:
        """See `IAuthenticator`."""
        token = parse_bearer(credentials.authorization or "")
        if token is None:
            return self._basic.identify(credentials)
        return Deferred.fromCoroutine(self._identify(token, credentials.authorization or ""))

    def challenge(self, needs: Sequence[Need], credentials: Credentials, problem: str | None) -> str:
        """See `IAuthenticator`."""
        return bearer_challenge(self._realm.of(credentials.host), self._settings.service, needs, problem)

    async def _identify(self, text: str, authorization: str) -> Identity:
        token, now = parse_token(text), self._now()
        trust = await self._keyring.trust(token.header.get("kid"))
        identity, until = check_token(token, self._settings, trust, now)
        remembered, machine = LOOK_SECONDS, token.claims.get("token")
        if machine is not None:
            if not isinstance(machine, str) or not await self._basic.is_alive(machine):
                raise BadCredentials("the access token that the token was made from was revoked or has expired")
            identity, remembered = evolve(identity, token=machine), REMEMBERED_SECONDS
        self._known.put(_digest(authorization.encode("latin-1")), identity, min(until, now + remembered))
        return identity


def _digest(authorization: bytes) -> bytes:
    return hashlib.sha256(authorization).digest()
