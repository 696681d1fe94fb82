"""`auth.token`: tokens that a token server has signed, checked as Distribution 2 and 3 check them."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.auth.challenges import parse_bearer
from txregistry.auth.errors import BadCredentials, UnknownKey
from txregistry.auth.interfaces import Credentials, IAuthenticator, Identity, Need, Scopes
from txregistry.auth.jws import SignedToken, parse_token
from txregistry.auth.keys import signed_by
from txregistry.auth.remembered import Remembered
from txregistry.auth.scopes import bearer_challenge
from txregistry.auth.trust import Trust
from txregistry.auth.trustkeeper import TrustKeeper

# How far the clocks of the token server and of this machine may differ.
LEEWAY_SECONDS = 60.0
# How long a check counts at most, so that an expired certificate in a chain is noticed.
_REMEMBERED_SECONDS = 300.0
_MOST_REMEMBERED = 10_000
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@frozen
class TokenSettings:
    """What of the configuration concerns tokens.

    `redirect_path` is None unless autoredirect is on; then clients are sent to that path below `base`, or below the
    host that they asked where `base` is None.
    """

    realm: str
    service: str
    issuer: str
    algorithms: frozenset[str]
    redirect_path: str | None = None
    base: str | None = None


@implementer(IAuthenticator)
class TokenAuthenticator:
    """Bearer credentials (RFC 6750) that hold a JSON Web Token with an `access` claim."""

    # The token server gives tokens to the anonymous too, and knows which.
    knows_anonymous = False
    grants_anonymous = True

    def __init__(
        self,
        settings: TokenSettings,
        trust: Trust,
        now: Callable[[], float] = time.time,
        keeper: TrustKeeper | None = None,
    ) -> None:
        """`now` tells seconds since the epoch; `keeper` sees to it that the keys are those of today."""
        self._settings = settings
        self._trust = trust
        self._now = now
        self._keeper = keeper
        self._version = trust.version
        self._known: Remembered[Identity] = Remembered(_MOST_REMEMBERED)

    def recall(self, authorization: bytes | None, certificate: bytes | None) -> Identity | None:
        """See `IAuthenticator`."""
        if self._keeper is not None:
            self._keeper.look()
        if self._version != self._trust.version:
            self._version = self._trust.version
            self._known.clear()
        if authorization is None:
            return None
        return self._known.get(hashlib.sha256(authorization).digest(), self._now())

    def identify(self, credentials: Credentials) -> Identity | Deferred[Identity | None] | None:
        """See `IAuthenticator`."""
        authorization = credentials.authorization or ""
        token = parse_bearer(authorization)
        if token is None:
            return None
        header = authorization.encode("latin-1")
        known = self.recall(header, None)
        if known is not None:
            return known
        parsed, keeper = parse_token(token), self._keeper
        try:
            return self._found(header, parsed)
        except UnknownKey:
            news = None if keeper is None else keeper.news()
            if news is None:
                raise
        return Deferred.fromCoroutine(self._after(news, header, parsed))

    async def _after(self, news: Deferred[None], header: bytes, token: SignedToken) -> Identity:
        """The key may be a new one."""
        await news
        return self._found(header, token)

    def _found(self, header: bytes, token: SignedToken) -> Identity:
        now = self._now()
        identity, until = check_token(token, self._settings, self._trust, now)
        self._known.put(hashlib.sha256(header).digest(), identity, min(until, now + _REMEMBERED_SECONDS))
        return identity

    def challenge(self, needs: Sequence[Need], credentials: Credentials, problem: str | None) -> str:
        """See `IAuthenticator`."""
        settings = self._settings
        return bearer_challenge(self._realm(credentials.host), settings.service, needs, problem)

    def _realm(self, host: str | None) -> str:
        settings = self._settings
        if settings.redirect_path is not None:
            if settings.base is not None:
                return settings.base + settings.redirect_path
            if host is not None and _HOST.fullmatch(host):
                return f"https://{host}{settings.redirect_path}"
        return settings.realm


def check_token(token: SignedToken, settings: TokenSettings, trust: Trust, now: float) -> tuple[Identity, float]:
    """Who it is, and until when. Raise `BadCredentials`."""
    algorithm = token.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in settings.algorithms:
        raise BadCredentials("the token is signed by an algorithm that is not allowed")
    key = trust.key_for(token.header, now)
    if not signed_by(key, algorithm, token.message, token.signature):
        raise BadCredentials("the signature of the token is wrong")
    claims = token.claims
    if claims.get("iss") != settings.issuer:
        raise BadCredentials("the token has another issuer")
    audience = claims.get("aud")
    if settings.service not in (audience if isinstance(audience, list) else [audience]):
        raise BadCredentials("the token is for another service")
    until = _seconds(claims, "exp") + LEEWAY_SECONDS
    if now >= until:
        raise BadCredentials("the token has expired")
    if now < _seconds(claims, "nbf") - LEEWAY_SECONDS:
        raise BadCredentials("the token is not valid yet")
    user = claims.get("sub")
    return Identity(user if isinstance(user, str) and user else None, _scopes(claims.get("access"))), until


def _seconds(claims: Mapping[str, object], name: str) -> float:
    """A NumericDate (RFC 7519 §2); as in Distribution, one that is missing lies at the beginning of time."""
    value = claims.get(name, 0)
    try:
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise BadCredentials(f"{name} of the token is no time")


def _scopes(access: object) -> Scopes:
    """The `access` claim: a list of resources, each with its actions."""
    scopes: dict[tuple[str, str], frozenset[str]] = {}
    if access is not None and not isinstance(access, list):
        raise BadCredentials("access of the token is no list")
    for entry in access or ():
        if not isinstance(entry, dict):
            raise BadCredentials("access of the token has an entry that is none")
        kind, name, actions = entry.get("type"), entry.get("name"), entry.get("actions")
        if not isinstance(kind, str) or not isinstance(name, str) or not isinstance(actions, list | None):
            raise BadCredentials("access of the token has an entry that is none")
        granted = frozenset(action for action in actions or () if isinstance(action, str))
        scopes[kind, name] = scopes.get((kind, name), frozenset()) | granted
    return scopes
