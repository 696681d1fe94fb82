"""The configuration as a typed value: what the registry does, option by option."""

from __future__ import annotations

from attrs import Factory, field, frozen

from txregistry.config.access import Access, AccessRule, Admins
from txregistry.config.address import Address, BadAddress
from txregistry.config.auth import Auth, Htpasswd, Silly, TokenAuth, read_auth
from txregistry.config.certificates import CertificateUsers
from txregistry.config.expressions import Expression
from txregistry.config.forms import Form, Place, integer
from txregistry.config.http import HTTP, read_http
from txregistry.config.ldap import LDAP
from txregistry.config.log import AccessLog, Log
from txregistry.config.own import Collection, Own, Scrub, read_own
from txregistry.config.sections import option, read_section, section
from txregistry.config.storage import Delete, Filesystem, InMemory, Maintenance, Storage, UploadPurging, read_storage
from txregistry.config.tls import TLS
from txregistry.config.tokens import Tokens
from txregistry.config.validation import Indexes, Manifests, Platform, URLs, Validation, read_validation
from txregistry.config.windows import Window

__all__ = [
    "HTTP",
    "LDAP",
    "TLS",
    "Access",
    "AccessLog",
    "AccessRule",
    "Address",
    "Admins",
    "Auth",
    "BadAddress",
    "Catalog",
    "CertificateUsers",
    "Collection",
    "Configuration",
    "Delete",
    "Expression",
    "Filesystem",
    "Htpasswd",
    "InMemory",
    "Indexes",
    "Log",
    "Maintenance",
    "Manifests",
    "Own",
    "Platform",
    "Scrub",
    "Silly",
    "Storage",
    "Tags",
    "TokenAuth",
    "Tokens",
    "URLs",
    "UploadPurging",
    "Validation",
    "Window",
]

VERSION = "0.1"
_USUAL_PAGE = 1000


def _version(place: Place) -> str:
    version = place.scalar().text
    if version != VERSION:
        raise place.refusal(f"must be {VERSION}, the only version of this format")
    return version


def _entries(at_least: int) -> Form[int]:
    def read(place: Place) -> int:
        count = integer(at_least).read(place)
        return count if count > 0 else _USUAL_PAGE

    return Form("number", read)


@frozen
class Catalog:
    """The list of all repositories."""

    maxentries: int = field(
        default=_USUAL_PAGE,
        # Distribution takes any number here and the default for those that are not positive.
        metadata=option("The most entries in one page; the default where not positive.", _entries(-(2**63))),
    )


@frozen
class Tags:
    """The list of a repository's tags."""

    maxtags: int = field(
        default=_USUAL_PAGE, metadata=option("The most tags in one page; the default where 0.", _entries(0))
    )


@frozen
class Configuration:
    """Everything that is configured."""

    version: str = field(
        default=VERSION, metadata=option("The version of this format; always 0.1.", Form("version", _version))
    )
    log: Log = field(default=Factory(Log), metadata=section(Log))
    storage: Storage = field(default=Factory(Storage), metadata=section(Storage, read=read_storage))
    http: HTTP = field(default=Factory(HTTP), metadata=section(HTTP, read=read_http))
    auth: Auth = field(default=Factory(Auth), metadata=section(Auth, read=read_auth))
    validation: Validation = field(default=Factory(Validation), metadata=section(Validation, read=read_validation))
    catalog: Catalog = field(default=Factory(Catalog), metadata=section(Catalog))
    tags: Tags = field(default=Factory(Tags), metadata=section(Tags))
    txregistry: Own = field(default=Factory(Own), metadata=section(Own, read=read_own))

    @property
    def asks_who(self) -> bool:
        """Whether there is any way to sign in; without one everybody may do what the rules allow to all."""
        own = self.txregistry
        return not self.auth.is_open or own.certificates is not None or own.ldap is not None


def read_configuration(place: Place) -> Configuration:
    """All of it, with what is wrong noted in the place's report. Raise `Refused`."""
    for required in ("version", "storage"):
        if place.find(required) is None:
            place.report.add(required, "is missing", place.node.where)
    configuration = read_section(Configuration, place)
    _refuse_unverified(configuration, place)
    _refuse_tokens_for_nobody(configuration, place)
    _refuse_two_passwords(configuration, place)
    _refuse_stores_apart(configuration, place)
    return configuration


def _refuse_unverified(configuration: Configuration, place: Place) -> None:
    """Anybody can make a certificate with any name in it."""
    certificates, tls = place.find("txregistry.certificates"), configuration.http.tls
    if certificates is not None and (tls is None or not tls.verifies_clients):
        place.report.add(
            certificates.path,
            "needs http.tls.clientcas, and clientauth verify-client-cert-if-given or require-and-verify-client-cert: "
            "a certificate that nobody has verified says nothing",
            certificates.node.where,
        )


def _refuse_tokens_for_nobody(configuration: Configuration, place: Place) -> None:
    tokens = place.find("txregistry.tokens")
    if tokens is not None and configuration.auth.htpasswd is None:
        place.report.add(
            tokens.path, "needs auth.htpasswd: its users are those whom tokens are given to", tokens.node.where
        )


def _refuse_two_passwords(configuration: Configuration, place: Place) -> None:
    ldap = place.find("txregistry.ldap")
    if ldap is not None and not configuration.auth.is_open:
        place.report.add(ldap.path, "stands in place of auth, not beside it", ldap.node.where)


def _refuse_stores_apart(configuration: Configuration, place: Place) -> None:
    workers = place.find("txregistry.workers")
    several = configuration.txregistry.workers != 1
    if workers is not None and several and isinstance(configuration.storage.driver, InMemory):
        place.report.add(
            workers.path, "must be 1 with storage in memory: each would have a store of its own", workers.node.where
        )
