"""The directory that the configuration asks for."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from txregistry.auth.ldap import LDAPAuthenticator
from txregistry.concurrency.workers import IWorkers
from txregistry.config.model import LDAP
from txregistry.daemon.problems import AuthUnusable, ExtraMissing


def ldap_authenticator(section: LDAP, workers: IWorkers, clock: IReactorTime) -> LDAPAuthenticator:
    """Asks on `workers`. The directory need not be there yet.

    Blocks; raise `ExtraMissing` where the library is not installed, `AuthUnusable` where a file cannot be used.
    """
    try:
        # Here and not above, because whoever uses no directory need not have the library.
        from txregistry.auth.ldapdirectory import LDAPDirectory
    except ModuleNotFoundError as error:
        raise ExtraMissing("txregistry.ldap", "ldap") from error
    password = _first_line(section.passwordfile) if section.passwordfile else section.password
    if section.cacert:
        _first_line(section.cacert)
    directory = LDAPDirectory(section, password)
    return LDAPAuthenticator(directory, workers, clock, section.remember, section.timeout)


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            line = file.readline().rstrip("\r\n")
    except OSError as error:
        raise AuthUnusable(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise AuthUnusable(path, "it is no text in UTF-8") from error
    if not line:
        raise AuthUnusable(path, "its first line is empty")
    return line
