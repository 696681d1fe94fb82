"""Whether a request may come in: a way to sign in and the rules, put together."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txregistry.auth.errors import AccessDenied, AuthenticationRequired, BadCredentials
from txregistry.auth.interfaces import ANONYMOUS, Action, Credentials, Demand, IAuthenticator, Identity, Need
from txregistry.auth.scopes import scope_text

_log = Logger()

# Decisions that are kept; the identities and demands of a busy registry are far fewer.
_MOST_DECIDED = 10_000


class Rules(Protocol):
    """Rights per repository."""

    def allows(self, identity: Identity, repository: str, action: Action) -> bool:
        """Whether this is a right of theirs."""

    def allows_anything(self, identity: Identity) -> bool:
        """Whether there is any repository that they have a right to."""

    def allows_everything(self, identity: Identity) -> bool:
        """Whether they have every right to every repository."""

    def keeps(self, identity: Identity, repository: str, tag: str) -> bool:
        """Whether a tag that exists must not be moved by them."""


@frozen
class Grant:
    """What somebody who came in may do beyond what was asked at the door."""

    identity: Identity
    rules: Rules | None

    @property
    def user(self) -> str | None:
        """The name, None for whoever has not said."""
        return self.identity.user

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing at all is kept from them."""
        if self.identity.scopes is not None:
            return False
        return self.rules is None or self.rules.allows_everything(self.identity)

    def may_pull(self, repository: str) -> bool:
        """Whether they may read a repository."""
        return self.identity.covers(Need("repository", repository, ("pull",))) and self._ruled(repository, Action.PULL)

    def may_see(self, repository: str) -> bool:
        """Whether a repository stands in their catalog, whose token has been looked at already."""
        return self._ruled(repository, Action.LIST)

    def must_keep(self, repository: str, tag: str) -> bool:
        """Whether a tag that exists must not be moved by them."""
        return self.rules is not None and self.rules.keeps(self.identity, repository, tag)

    def _ruled(self, repository: str, action: Action) -> bool:
        return self.rules is None or self.rules.allows(self.identity, repository, action)


class Door:
    """Asks who it is, and then whether that may be. Without an authenticator everybody is anonymous."""

    def __init__(self, authenticator: IAuthenticator | None, rules: Rules | None = None) -> None:
        self.authenticator = authenticator
        self.rules = rules
        # By the identity as an object, which is kept here so that no other can take its place in memory.
        self._decided: dict[tuple[int, Demand], Grant] = {}

    def recall(self, authorization: bytes | None, certificate: bytes | None, demand: Demand) -> Grant | None:
        """What was granted for the same a moment ago and still counts, None where `admit` has to look."""
        authenticator = self.authenticator
        identity = ANONYMOUS if authenticator is None else authenticator.recall(authorization, certificate)
        return None if identity is None else self._decided.get((id(identity), demand))

    def admit(self, credentials: Credentials, demand: Demand) -> Grant | Deferred[Grant]:
        """Let somebody in, at once or by a Deferred.

        Raise, or fail with, `AuthenticationRequired`, `AccessDenied` or `TooManyAttempts`.
        """
        if self.authenticator is None:
            return self._decide(ANONYMOUS, credentials, demand)
        try:
            identity = self.authenticator.identify(credentials)
        except BadCredentials as problem:
            raise self._refused(credentials, demand, problem) from None
        if isinstance(identity, Deferred):
            return Deferred.fromCoroutine(self._later(identity, credentials, demand))
        return self._decide(identity, credentials, demand)

    async def _later(self, waiting: Deferred[Identity | None], credentials: Credentials, demand: Demand) -> Grant:
        try:
            identity = await waiting
        except BadCredentials as problem:
            raise self._refused(credentials, demand, problem) from None
        return self._decide(identity, credentials, demand)

    def _decide(self, identity: Identity | None, credentials: Credentials, demand: Demand) -> Grant:
        authenticator, rules = self.authenticator, self.rules
        if identity is None:
            assert authenticator is not None
            if (
                demand.account
                or rules is None
                or not authenticator.knows_anonymous
                # Clients that are signed in show it only when they are asked, and would take the part of the catalog
                # that everybody sees for the whole.
                or (demand.catalog and authenticator.grants_anonymous)
                or not self._ruled(ANONYMOUS, demand)
            ):
                raise AuthenticationRequired(authenticator.challenge(demand.wishes, credentials, None), demand.needs)
            return self._granted(ANONYMOUS, demand)
        if authenticator is not None and not all(identity.covers(need) for need in demand.needs):
            _log.info("token grants too little", user=identity.user, needs=scope_text(demand.needs))
            raise AuthenticationRequired(
                authenticator.challenge(demand.wishes, credentials, "insufficient_scope"), demand.needs
            )
        if not self._ruled(identity, demand) or (demand.account and not _has_password(identity)):
            _log.info("access denied", user=identity.user, needs=scope_text(demand.needs))
            raise AccessDenied(demand.needs)
        return self._granted(identity, demand)

    def _granted(self, identity: Identity, demand: Demand) -> Grant:
        grant = Grant(identity, self.rules)
        if len(self._decided) >= _MOST_DECIDED:
            self._decided.clear()
        self._decided[id(identity), demand] = grant
        return grant

    def _ruled(self, identity: Identity, demand: Demand) -> bool:
        rules = self.rules
        if rules is None:
            return True
        if demand.repository is not None and demand.action is not None:
            return rules.allows(identity, demand.repository, demand.action)
        if identity is not ANONYMOUS or self.authenticator is None:
            return True
        if demand.catalog:
            return rules.allows_anything(identity)
        # Docker takes the way to sign in from the answer to its first question, and asks no second time.
        return rules.allows_everything(identity)

    def _refused(self, credentials: Credentials, demand: Demand, problem: BadCredentials) -> AuthenticationRequired:
        assert self.authenticator is not None
        _log.info("credentials refused", reason=problem.reason, peer=credentials.peer)
        challenge = self.authenticator.challenge(demand.wishes, credentials, "invalid_token")
        return AuthenticationRequired(challenge, demand.needs)


def _has_password(identity: Identity) -> bool:
    """Whether more was shown than a token, which is less than the account itself."""
    return identity.user is not None and identity.scopes is None
