"""`txregistry.certificates`: the verified certificate of a client says who it is, where nothing else does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.auth.certificatenames import CertificateProblem, NamesNobody, Rule, names_in
from txregistry.auth.challenges import parse_basic, quoted
from txregistry.auth.errors import BadCredentials
from txregistry.auth.interfaces import ANONYMOUS, Credentials, IAuthenticator, Identity, Need
from txregistry.auth.remembered import Remembered

_log = Logger()

# Of each client there is one, and a machine has few clients.
_MOST_REMEMBERED = 10_000
# A certificate that names nobody is looked at again, and told of again, after this time.
_NOBODY_SECONDS = 300.0


@implementer(IAuthenticator)
class CertificateAuthenticator:
    """A certificate counts where the request shows nothing else; an Authorization header is for the other way.

    Only for servers whose TLS has verified each certificate that reaches a request: nothing of it is checked here but
    its end, which may come while a connection lasts.
    """

    def __init__(self, rule: Rule, other: IAuthenticator | None = None, now: Callable[[], float] = time.time) -> None:
        """`other` is the way to sign in for whoever has no certificate; `now` tells seconds since the epoch."""
        self.other = other
        self.knows_anonymous: bool = True if other is None else other.knows_anonymous
        self.grants_anonymous: bool = other is not None and other.grants_anonymous
        self._rule = rule
        self._now = now
        self._known: Remembered[Identity] = Remembered(_MOST_REMEMBERED)

    def recall(self, authorization: bytes | None, certificate: bytes | None) -> Identity | None:
        """See `IAuthenticator`."""
        other = self.other
        if authorization is None and certificate is not None:
            known = self._known.get(certificate, self._now())
            if known is not ANONYMOUS:
                return known
        if other is not None:
            return other.recall(authorization, None)
        return ANONYMOUS if authorization is None else None

    def identify(self, credentials: Credentials) -> Identity | Deferred[Identity | None] | None:
        """See `IAuthenticator`."""
        found: Identity | Deferred[Identity | None] | None = None
        if self.other is not None:
            found = self.other.identify(credentials)
        elif credentials.authorization and parse_basic(credentials.authorization) != ("", b""):
            # Two proofs of which one is worthless are a mistake that somebody should hear of.
            raise BadCredentials("there is no way to sign in but with a certificate")
        certificate = credentials.certificate
        if isinstance(found, Deferred):
            return found.addCallback(lambda identity: self._named(certificate) if identity is None else identity)
        return self._named(certificate) if found is None else found

    def challenge(self, needs: Sequence[Need], credentials: Credentials, problem: str | None) -> str:
        """See `IAuthenticator`."""
        if self.other is not None:
            return self.other.challenge(needs, credentials, problem)
        # RFC 9110 §11.6.1 wants a challenge, and no registered scheme means TLS; Basic would ask for a password.
        return f"ClientCertificate realm={quoted('registry')}"

    def _named(self, certificate: bytes | None) -> Identity | None:
        if certificate is None:
            return None
        now = self._now()
        known = self._known.get(certificate, now)
        if known is None:
            known, until = self._read(certificate, now)
            self._known.put(certificate, known, until)
        return None if known is ANONYMOUS else known

    def _read(self, certificate: bytes, now: float) -> tuple[Identity, float]:
        """Who it is, `ANONYMOUS` for nobody, and until when."""
        try:
            names = names_in(certificate, self._rule)
        except NamesNobody as nobody:
            problem = nobody.problem.value
        else:
            if now < names.until:
                return Identity(names.user, groups=names.groups), names.until
            problem = CertificateProblem.ENDED.value
        _log.warn("a certificate names no user", reason=problem)
        return ANONYMOUS, now + _NOBODY_SECONDS
