"""The built-in token server: who gets which token (the Docker token protocol, in both its forms)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txregistry.auth.basic import Accounts, BasicAuthenticator
from txregistry.auth.door import Rules
from txregistry.auth.errors import AuthenticationRequired, BadCredentials, BadTokenRequest
from txregistry.auth.granting import granted, parse_scopes
from txregistry.auth.interfaces import ANONYMOUS, Credentials, Identity
from txregistry.auth.jws import parse_token
from txregistry.auth.keyring import Keyring
from txregistry.auth.scopes import scope_text
from txregistry.auth.signing import ALGORITHM
from txregistry.auth.token import TokenSettings, check_token

_log = Logger()

_REFRESH = "refresh"


@frozen
class TokenServerSettings:
    """Times in seconds."""

    issuer: str
    service: str
    lifetime: float
    refresh_lifetime: float

    @property
    def access(self) -> TokenSettings:
        """How its access tokens are checked."""
        return TokenSettings("", self.service, self.issuer, frozenset({ALGORITHM}))

    @property
    def refreshing(self) -> TokenSettings:
        """How refresh tokens are checked: they have another audience, so that neither is taken for the other."""
        return TokenSettings("", f"{self.service} {_REFRESH}", self.issuer, frozenset({ALGORITHM}))


@frozen
class Issued:
    """A token, for so many seconds from `issued_at` (since the epoch) on."""

    token: str = field(repr=False)
    scope: str
    seconds: int
    issued_at: float
    refresh_token: str | None = field(default=None, repr=False)


class TokenServer:
    """Signs short-lived tokens for users that `basic` knows, and for the anonymous where there are rules."""

    def __init__(
        self,
        settings: TokenServerSettings,
        keyring: Keyring,
        basic: BasicAuthenticator,
        accounts: Accounts,
        rules: Rules | None,
        now: Callable[[], float],
    ) -> None:
        """`now` tells seconds since the epoch."""
        self._settings = settings
        self._keyring = keyring
        self._basic = basic
        self._accounts = accounts
        self._rules = rules
        self._now = now

    async def issue(
        self, credentials: Credentials, scopes: Sequence[str], service: str | None, offline: bool
    ) -> Issued:
        """A token for what the user may have of these scopes, and with `offline` a refresh token.

        Raise `AuthenticationRequired`, `BadTokenRequest` for another service, `TooManyAttempts`.
        """
        self._check_service(service)
        identity = await self._identify(credentials)
        refresh = await self._refresh_token(identity) if offline else None
        return await self._issued(identity, scopes, refresh)

    async def exchange(self, refresh_token: str, scopes: Sequence[str], service: str | None) -> Issued:
        """A token for whoever has this refresh token, which is given back and goes on to count. Raise as `issue`."""
        self._check_service(service)
        try:
            identity = await self._refreshed(refresh_token)
        except BadCredentials as problem:
            _log.info("refresh token refused", reason=problem.reason)
            raise self._refused(Credentials()) from None
        return await self._issued(identity, scopes, refresh_token)

    async def _identify(self, credentials: Credentials) -> Identity:
        try:
            identity = self._basic.identify(credentials)
            if isinstance(identity, Deferred):
                identity = await identity
        except BadCredentials as problem:
            _log.info("credentials refused", reason=problem.reason, peer=credentials.peer)
            raise self._refused(credentials) from None
        if identity is not None:
            return identity
        if self._rules is None:
            # Without rules nobody who has not signed in may do anything.
            raise self._refused(credentials)
        return ANONYMOUS

    async def _refresh_token(self, identity: Identity) -> str | None:
        """None for the anonymous, and for access tokens, which last as long as they shall."""
        if identity.user is None or identity.token is not None:
            return None
        stamp = await self._accounts.stamp(identity.user)
        if stamp is None:
            return None
        now, settings = self._now(), self._settings
        claims = {
            "iss": settings.issuer,
            "sub": identity.user,
            "aud": settings.refreshing.service,
            "nbf": int(now),
            "exp": int(now + settings.refresh_lifetime),
            "jti": secrets.token_hex(16),
            "stamp": stamp,
        }
        return (await self._keyring.signer()).sign(_REFRESH, claims)

    async def _refreshed(self, text: str) -> Identity:
        token = parse_token(text)
        trust = await self._keyring.trust(token.header.get("kid"))
        identity, _ = check_token(token, self._settings.refreshing, trust, self._now())
        stamp = token.claims.get("stamp")
        if identity.user is None or stamp is None or await self._accounts.stamp(identity.user) != stamp:
            raise BadCredentials("the user has another password by now, or no account")
        return Identity(identity.user)

    async def _issued(self, identity: Identity, scopes: Sequence[str], refresh: str | None) -> Issued:
        now, settings = self._now(), self._settings
        allowed = granted(identity, self._rules, parse_scopes(scopes))
        claims = {
            "iss": settings.issuer,
            "sub": identity.user or "",
            "aud": settings.service,
            "nbf": int(now),
            "iat": int(now),
            "exp": int(now + settings.lifetime),
            "jti": secrets.token_hex(16),
            "access": [{"type": need.kind, "name": need.name, "actions": list(need.actions)} for need in allowed],
        }
        if identity.token is not None:
            # So that its revocation counts for what was made from it.
            claims["token"] = identity.token
        text = (await self._keyring.signer()).sign("JWT", claims)
        return Issued(text, scope_text(allowed), int(settings.lifetime), now, refresh)

    def _check_service(self, service: str | None) -> None:
        if service not in (None, "", self._settings.service):
            raise BadTokenRequest("there are no tokens for this service here")

    def _refused(self, credentials: Credentials) -> AuthenticationRequired:
        return AuthenticationRequired(self._basic.challenge((), credentials, "invalid_token"), ())
