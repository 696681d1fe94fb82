"""The tokens of another server that the configuration trusts."""

from __future__ import annotations

from functools import partial
from typing import cast

from twisted.internet.interfaces import IReactorTime

from txregistry.auth.interfaces import IAuthenticator
from txregistry.auth.token import TokenAuthenticator, TokenSettings
from txregistry.auth.trust import TrustProblem, load_trust
from txregistry.auth.trustkeeper import TrustKeeper, is_url
from txregistry.concurrency.workers import IWorkers
from txregistry.config.model import HTTP, TokenAuth
from txregistry.daemon.fetching import fetch
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.problems import AuthUnusable


def token_authenticator(section: TokenAuth, http: HTTP, workers: IWorkers, clock: IReactorTime) -> IAuthenticator:
    """Blocks; raise `AuthUnusable` where a file of keys cannot be used."""
    settings = TokenSettings(
        realm=section.realm,
        service=section.service,
        issuer=section.issuer,
        algorithms=frozenset(section.signingalgorithms),
        redirect_path=section.autoredirectpath if section.autoredirect else None,
        base=http.host,
    )
    try:
        trust = load_trust(section.rootcertbundle, "" if is_url(section.jwks) else section.jwks)
    except TrustProblem as problem:
        raise AuthUnusable(problem.path, problem.reason) from problem
    # The clock is the reactor, wherever there is something to fetch.
    fetching = partial(fetch, cast(IReactor, clock))
    keeper = TrustKeeper(trust, section.rootcertbundle, section.jwks, workers, clock, fetching)
    return TokenAuthenticator(settings, trust, keeper=keeper)
