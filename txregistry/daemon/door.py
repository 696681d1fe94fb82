"""The way in that the configuration asks for.

What only one way needs is imported where that is chosen: together the libraries for passwords, tokens, certificates
and directories take more memory than a server that lets everybody in.
"""

from __future__ import annotations

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.api.tokens import TokenServices
from txregistry.auth.door import Door
from txregistry.auth.interfaces import IAuthenticator
from txregistry.auth.rules import AccessRules
from txregistry.auth.silly import SillyAuthenticator
from txregistry.concurrency.workers import IWorkers
from txregistry.config.model import Auth, Configuration
from txregistry.daemon.problems import AuthUnusable
from txregistry.storage.interfaces import IStorageDriver

_log = Logger()


def provision_passwords(auth: Auth) -> None:
    """Make the password file where one is configured and there is none. Blocks; raise `AuthUnusable`."""
    if auth.htpasswd is None:
        return
    from txregistry.auth.passwords import DEFAULT_USER, provision

    path = auth.htpasswd.path
    try:
        password = provision(path)
    except OSError as error:
        raise AuthUnusable(path, error.strerror or str(error)) from error
    if password is not None:
        # The one secret that is ever logged: it was made a moment ago, and there is no other way to learn it.
        _log.warn("the password file was missing and has been made", path=path, user=DEFAULT_USER, password=password)


def provision_keys(configuration: Configuration) -> None:
    """Make the folder for the keys of the built-in token server. Blocks; raise `AuthUnusable`."""
    section = configuration.txregistry.tokens
    if section is not None:
        from txregistry.daemon.tokens import prepare_keys

        prepare_keys(section, configuration.storage)


@frozen
class WayIn:
    """`door` is None where everybody may do everything, `tokens` where none are given out."""

    door: Door | None
    tokens: TokenServices | None = None


def way_in(configuration: Configuration, driver: IStorageDriver, workers: IWorkers, clock: IReactorTime) -> WayIn:
    """What the configuration asks for. `workers` are for checking passwords.

    Blocks; raise `AuthUnusable` where a file that is needed cannot be used, `ExtraMissing` where a library is missing.
    """
    auth, own = configuration.auth, configuration.txregistry
    rules = None if own.access is None else AccessRules(own.access)
    services = None
    if auth.htpasswd is not None:
        from txregistry.auth.htpasswd import HtpasswdAuthenticator
        from txregistry.auth.passwordfile import PasswordFile

        file = PasswordFile(auth.htpasswd.path, workers, clock)
        passwords = HtpasswdAuthenticator(auth.htpasswd.realm, file, workers, clock)
        authenticator: IAuthenticator | None = passwords
        if own.tokens is not None:
            from txregistry.daemon.tokens import token_services

            authenticator, services = token_services(
                configuration, own.tokens, passwords, file, rules, driver, workers, clock
            )
    elif own.ldap is not None:
        from txregistry.daemon.ldap import ldap_authenticator

        authenticator = ldap_authenticator(own.ldap, workers, clock)
    else:
        authenticator = _other(configuration, workers, clock)
    authenticator = _with_certificates(configuration, authenticator)
    if authenticator is None and rules is None:
        return WayIn(None)
    return WayIn(Door(authenticator, rules), services)


def _other(configuration: Configuration, workers: IWorkers, clock: IReactorTime) -> IAuthenticator | None:
    auth = configuration.auth
    if auth.token is not None:
        from txregistry.daemon.trusted import token_authenticator

        return token_authenticator(auth.token, configuration.http, workers, clock)
    if auth.silly is not None:
        return SillyAuthenticator(auth.silly.realm, auth.silly.service)
    return None


def _with_certificates(configuration: Configuration, other: IAuthenticator | None) -> IAuthenticator | None:
    section, tls = configuration.txregistry.certificates, configuration.http.tls
    if section is None or tls is None or not tls.verifies_clients:
        return other
    from txregistry.auth.certificatenames import Rule
    from txregistry.auth.certificates import CertificateAuthenticator

    return CertificateAuthenticator(
        Rule(section.user, section.userpattern, section.groups, section.grouppattern), other
    )
