"""Basic credentials whose password may be an access token for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.auth.attempts import Attempts
from txregistry.auth.challenges import parse_basic
from txregistry.auth.errors import BadCredentials
from txregistry.auth.interfaces import Credentials, IAuthenticator, Identity, Need
from txregistry.auth.machinetokens import LimitedScopes, MachineToken, MachineTokens, is_secret
from txregistry.auth.remembered import Remembered
from txregistry.auth.sealing import Seal

# How long a revoked token may go on being used in a process that has just seen it.
REMEMBERED_SECONDS = 2.0
_MOST_REMEMBERED = 10_000


class Accounts(Protocol):
    """Who there is at all."""

    async def stamp(self, user: str) -> str | None:
        """A text that changes with the user's password; None where there is no such user."""


@implementer(IAuthenticator)
class BasicAuthenticator:
    """Looks at access tokens itself, and leaves everything else to another way to sign in.

    An access token counts as long as its user has an account; which user name is sent with it does not matter.
    """

    def __init__(
        self,
        passwords: IAuthenticator,
        tokens: MachineTokens,
        accounts: Accounts,
        clock: IReactorTime,
    ) -> None:
        self.knows_anonymous: bool = passwords.knows_anonymous
        self.grants_anonymous: bool = passwords.grants_anonymous
        self._passwords = passwords
        self._tokens = tokens
        self._accounts = accounts
        self._clock = clock
        self._attempts = Attempts(clock)
        self._seal = Seal()
        self._right: Remembered[Identity] = Remembered(_MOST_REMEMBERED)

    def recall(self, authorization: bytes | None, certificate: bytes | None) -> Identity | None:
        """See `IAuthenticator`."""
        known = None if authorization is None else self._right.get(self._seal(authorization), self._clock.seconds())
        return self._passwords.recall(authorization, certificate) if known is None else known

    def identify(self, credentials: Credentials) -> Identity | Deferred[Identity | None] | None:
        """See `IAuthenticator`."""
        basic = parse_basic(credentials.authorization or "")
        if basic is None or not is_secret(basic[1]):
            found: Identity | Deferred[Identity | None] | None = self._passwords.identify(credentials)
            return found
        self._attempts.check(credentials.peer)
        return Deferred.fromCoroutine(self._identify(credentials, *basic))

    def challenge(self, needs: Sequence[Need], credentials: Credentials, problem: str | None) -> str:
        """See `IAuthenticator`."""
        challenge: str = self._passwords.challenge(needs, credentials, problem)
        return challenge

    async def _identify(self, credentials: Credentials, user: str, password: bytes) -> Identity:
        token = await self._tokens.find(password.decode("ascii", "replace"))
        if token is None or not await self.has_account(token):
            await self._attempts.hold_back(credentials.peer, user)
            raise BadCredentials(f"no such access token, or it has expired or was revoked: sent as {user[:64]!r}")
        identity = Identity(token.user, LimitedScopes(token.scopes), token=token.id)
        key = self._seal((credentials.authorization or "").encode("latin-1"))
        self._right.put(key, identity, self._clock.seconds() + REMEMBERED_SECONDS)
        return identity

    async def has_account(self, token: MachineToken) -> bool:
        """Whether its user is there still."""
        return await self._accounts.stamp(token.user) is not None

    async def is_alive(self, key: str) -> bool:
        """Whether the access token with this id counts still."""
        token = await self._tokens.get(key)
        return token is not None and await self.has_account(token)
