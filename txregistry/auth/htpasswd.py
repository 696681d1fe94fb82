"""`auth.htpasswd`: user and password, checked against a file."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.auth.attempts import Attempts
from txregistry.auth.challenges import offered_password, quoted
from txregistry.auth.errors import BadCredentials
from txregistry.auth.interfaces import ANONYMOUS, Credentials, IAuthenticator, Identity, Need
from txregistry.auth.passwordfile import PasswordFile
from txregistry.auth.passwords import Passwords, matches
from txregistry.auth.remembered import Remembered
from txregistry.auth.sealing import Seal
from txregistry.concurrency.shield import shielded
from txregistry.concurrency.workers import IWorkers

# How long a right password need not be checked again: a pull of many layers costs one check.
REMEMBERED_SECONDS = 300.0
_MOST_REMEMBERED = 10_000


@implementer(IAuthenticator)
class HtpasswdAuthenticator:
    """Basic credentials (RFC 7617) against a password file.

    What was right is kept for a while under a keyed hash whose key is this process's alone, and forgotten when the
    file changes.
    """

    knows_anonymous = True
    grants_anonymous = False

    def __init__(self, realm: str, file: PasswordFile, workers: IWorkers, clock: IReactorTime) -> None:
        """`workers` are for the checks, which take long, and nothing else."""
        self._challenge = f"Basic realm={quoted(realm)}"
        self._file = file
        self._workers = workers
        self._clock = clock
        self._attempts = Attempts(clock)
        self._seal = Seal()
        self._passwords: Passwords | None = None
        self._right: Remembered[Identity] = Remembered(_MOST_REMEMBERED)
        self._checking: dict[bytes, list[Deferred[bool]]] = {}

    def recall(self, authorization: bytes | None, certificate: bytes | None) -> Identity | None:
        """See `IAuthenticator`."""
        if authorization is None:
            return ANONYMOUS
        passwords = self._file.current()
        return None if passwords is None else self._remembered(passwords, authorization)

    def identify(self, credentials: Credentials) -> Identity | Deferred[Identity | None] | None:
        """See `IAuthenticator`."""
        authorization = credentials.authorization
        if not authorization:
            return None
        header = authorization.encode("latin-1")
        known = self.recall(header, None)
        if known is not None:
            return known
        offered = offered_password(authorization)
        if offered is None:
            return None
        self._attempts.check(credentials.peer)
        return Deferred.fromCoroutine(self._identify(header, *offered, credentials.peer))

    def challenge(self, needs: Sequence[Need], credentials: Credentials, problem: str | None) -> str:
        """See `IAuthenticator`."""
        return self._challenge

    async def _identify(self, authorization: bytes, user: str, password: bytes, peer: str) -> Identity | None:
        passwords = self._file.current() or await self._file.read()
        known = self._remembered(passwords, authorization)
        if known is not None:
            return known
        key = self._seal(authorization)
        # Not every one of a client's parallel requests shall cost a check of its own.
        if await self._once(key, password, passwords.hash_of(user)):
            identity = Identity(user)
            if self._passwords is passwords:
                self._right.put(key, identity, self._clock.seconds() + REMEMBERED_SECONDS)
            return identity
        await self._attempts.hold_back(peer, user)
        raise BadCredentials(f"wrong password, or no such user: {user[:64]!r}")

    def _remembered(self, passwords: Passwords, authorization: bytes) -> Identity | None:
        if passwords is not self._passwords:
            self._passwords = passwords
            self._right.clear()
        return self._right.get(self._seal(authorization), self._clock.seconds())

    def _once(self, key: bytes, password: bytes, digest: bytes) -> Deferred[bool]:
        waiting: Deferred[bool] = Deferred()
        together = self._checking.setdefault(key + digest, [])
        together.append(waiting)
        if len(together) == 1:
            shielded(self._check(key + digest, password, digest))
        return waiting

    async def _check(self, key: bytes, password: bytes, digest: bytes) -> None:
        try:
            right: bool | Failure = await self._workers.run(matches, password, digest)
        except Exception as error:
            right = Failure(error)  # type: ignore[no-untyped-call]  # Twisted's own
        for waiting in self._checking.pop(key):
            # Fails where it is given a failure.
            waiting.callback(right)
