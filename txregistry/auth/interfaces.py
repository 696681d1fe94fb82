"""What a way to sign in offers, and the values that it is asked with and answers by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from attrs import Factory, field, frozen
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface


class Action(Enum):
    """What may be done with a repository; each but `DELETE` includes those above it."""

    LIST = "list"
    PULL = "pull"
    CREATE = "create"
    PUSH = "push"
    DELETE = "delete"


@frozen
class Credentials:
    """What a request shows of who sent it.

    `authorization` is the header's text (ISO 8859-1), `certificate` the DER of a client certificate that the TLS
    settings let in, `peer` the client's address (empty on a Unix socket), `host` the Host header's text.
    """

    authorization: str | None = field(default=None, repr=False)
    peer: str = ""
    certificate: bytes | None = field(default=None, repr=False)
    host: str | None = None


@frozen
class Need:
    """A resource and the actions on it, in the words of token scopes: `repository:library/app:pull,push`."""

    kind: str
    name: str
    actions: tuple[str, ...]


# Tokens know no listing of one repository and no difference between new tags and moved ones.
_SCOPES: Mapping[Action, tuple[str, ...]] = {
    Action.LIST: ("pull",),
    Action.PULL: ("pull",),
    Action.CREATE: ("pull", "push"),
    Action.PUSH: ("pull", "push"),
    Action.DELETE: ("delete",),
}
_CATALOG = Need("registry", "catalog", ("*",))


@frozen(cache_hash=True)
class Demand:
    """What a request wants to do.

    With a repository, an action on it; with `catalog`, the list of all repositories; with `account`, something about
    whoever asks, who has to show a password; with none of them, only to be known.
    `source` is the repository that a blob is to be mounted from: it is asked for, and done without.
    """

    repository: str | None = None
    action: Action | None = None
    catalog: bool = False
    source: str | None = None
    account: bool = False

    @property
    def needs(self) -> tuple[Need, ...]:
        """What a token has to grant."""
        if self.catalog:
            return (_CATALOG,)
        if self.repository is None or self.action is None:
            return ()
        return (Need("repository", self.repository, _SCOPES[self.action]),)

    @property
    def wishes(self) -> tuple[Need, ...]:
        """What a client should ask a token for."""
        if self.source is None or self.source == self.repository:
            return self.needs
        return (*self.needs, Need("repository", self.source, ("pull",)))


# From kind and name of a resource to the actions on it.
Scopes = Mapping[tuple[str, str], frozenset[str]]


@frozen
class Identity:
    """Who it is.

    `user` is None for whoever has not said. `scopes` is what the credentials themselves are limited to, None where they
    are not. `groups` are those that the way to sign in knows of. `token` is the id of the access token that was shown.
    """

    user: str | None
    scopes: Scopes | None = None
    groups: frozenset[str] = Factory(frozenset)
    token: str | None = None

    def covers(self, need: Need) -> bool:
        """Whether the credentials stretch to it."""
        if self.scopes is None:
            return True
        granted = self.scopes.get((need.kind, need.name), frozenset())
        return "*" in granted or granted.issuperset(need.actions)


ANONYMOUS = Identity(None)


class IAuthenticator(Interface):
    """One way to sign in."""

    knows_anonymous = Attribute("Whether who shows nothing may be let in by the rules, instead of being asked first.")
    grants_anonymous = Attribute("Whether who has no account can meet its challenge too.")

    def recall(authorization: bytes | None, certificate: bytes | None) -> Identity | None:
        """Who it is, if this very header and client certificate were found right a moment ago and still count.

        The same object as then, `ANONYMOUS` for nothing shown; None where `identify` has to look. Called for every
        request, so it is kept cheap.
        """

    def identify(credentials: Credentials) -> Identity | Deferred[Identity | None] | None:
        """Who it is; None where nothing is shown. At once, or by a Deferred, which may be cancelled.

        Raise, or fail with, `BadCredentials` where what is shown is wrong, `TooManyAttempts` where it is not looked at.
        """

    def challenge(needs: Sequence[Need], credentials: Credentials, problem: str | None) -> str:
        """The value of WWW-Authenticate (RFC 9110 §11.6.1).

        `problem` is None, `invalid_token` for what is wrong, or `insufficient_scope` for what does not stretch far
        enough (RFC 6750 §3.1).
        """
