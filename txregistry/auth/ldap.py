"""`txregistry.ldap`: user and password, checked by a directory."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.auth.attempts import Attempts
from txregistry.auth.challenges import offered_password, quoted
from txregistry.auth.directory import Directory, DirectoryUnavailable, Member
from txregistry.auth.errors import BadCredentials, SignInUnavailable
from txregistry.auth.interfaces import ANONYMOUS, Credentials, IAuthenticator, Identity, Need
from txregistry.auth.remembered import Remembered
from txregistry.auth.sealing import Seal
from txregistry.concurrency.shield import shielded
from txregistry.concurrency.workers import IWorkers

_log = Logger()

_MOST_REMEMBERED = 10_000
_LONGEST_NAME = 255
# A check is a connection and three or four questions, each with a limit of its own.
_TIMEOUTS_A_CHECK = 3


@implementer(IAuthenticator)
class LDAPAuthenticator:
    """Basic credentials (RFC 7617) against a directory.

    What was right is kept for a while under a keyed hash whose key is this process's alone. While the directory cannot
    be asked, nobody else is let in.
    """

    knows_anonymous = True
    grants_anonymous = False

    def __init__(
        self, directory: Directory, workers: IWorkers, clock: IReactorTime, remember: float, timeout: float
    ) -> None:
        """`workers` are for the questions, which wait for the network; `remember` and `timeout` are in seconds."""
        self._challenge = f"Basic realm={quoted('registry')}"
        self._directory = directory
        self._workers = workers
        self._clock = clock
        self._remember = remember
        self._timeout = timeout * _TIMEOUTS_A_CHECK
        self._attempts = Attempts(clock)
        self._seal = Seal()
        self._right: Remembered[Identity] = Remembered(_MOST_REMEMBERED)
        self._checking: dict[bytes, list[Deferred[Identity | None]]] = {}
        self._problem: str | None = None

    def recall(self, authorization: bytes | None, certificate: bytes | None) -> Identity | None:
        """See `IAuthenticator`."""
        if authorization is None:
            return ANONYMOUS
        return self._right.get(self._seal(authorization), self._clock.seconds())

    def identify(self, credentials: Credentials) -> Identity | Deferred[Identity | None] | None:
        """See `IAuthenticator`; may fail with `SignInUnavailable` too."""
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
        # A directory takes a bind without a password for one that asks to be anonymous, and grants it.
        if password and 0 < len(user) <= _LONGEST_NAME and user.isprintable():
            found = await self._once(self._seal(authorization), user, password)
            if found is not None:
                return found
        await self._attempts.hold_back(peer, user)
        raise BadCredentials(f"wrong password, or no such user: {user[:64]!r}")

    def _once(self, key: bytes, user: str, password: bytes) -> Deferred[Identity | None]:
        """Not every one of a client's parallel requests shall cost a question of its own."""
        waiting: Deferred[Identity | None] = Deferred()
        waiting.addTimeout(self._timeout, self._clock)
        waiting.addErrback(self._too_late)
        together = self._checking.setdefault(key, [])
        together.append(waiting)
        if len(together) == 1:
            shielded(self._check(key, user, password))
        return waiting

    def _too_late(self, failure: Failure) -> Failure:
        if not isinstance(failure.value, TimeoutError):
            return failure
        self._tell("no answer in time")
        return Failure(SignInUnavailable())  # type: ignore[no-untyped-call]  # Twisted's own

    async def _check(self, key: bytes, user: str, password: bytes) -> None:
        outcome: Identity | Failure | None = None
        try:
            member = await self._workers.run(self._directory.check, user, password)
        except DirectoryUnavailable as problem:
            self._tell(problem.reason)
            outcome = Failure(SignInUnavailable())  # type: ignore[no-untyped-call]  # Twisted's own
        except Exception as error:
            outcome = Failure(error)  # type: ignore[no-untyped-call]  # Twisted's own
        else:
            self._tell(None)
            outcome = self._kept(key, member)
        for waiting in self._checking.pop(key):
            # Fails where it is given a failure.
            waiting.callback(outcome)

    def _kept(self, key: bytes, member: Member | None) -> Identity | None:
        if member is None:
            return None
        identity = Identity(member.name, groups=member.groups)
        self._right.put(key, identity, self._clock.seconds() + self._remember)
        return identity

    def _tell(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        if problem is None:
            _log.info("the directory answers again")
        else:
            _log.error("the directory cannot be asked: nobody can sign in anew", reason=problem)
