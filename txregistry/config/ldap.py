"""The section `txregistry.ldap`: users, passwords and groups in a directory."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from attrs import field, frozen

from txregistry.config.forms import Form, Place, at_least, boolean, text
from txregistry.config.sections import option, read_section

PORTS = {"ldap": 389, "ldaps": 636}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


def _url(place: Place) -> str:
    given = text.read(place)
    try:
        url = urlsplit(given)
        usable = url.scheme in PORTS and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        usable = False
    if not usable or url.path not in ("", "/") or url.query or url.fragment or url.username is not None:
        raise place.refusal("must be ldap://HOST:PORT or ldaps://HOST:PORT")
    return given.rstrip("/")


def _attribute(place: Place) -> str:
    name = text.read(place)
    if _NAME.fullmatch(name) is None:
        raise place.refusal("must be the name of an attribute, such as uid")
    return name


def _filter(*words: str) -> Form[str]:
    """A filter (RFC 4515) with at least one of some words in braces."""

    def read(place: Place) -> str:
        written = text.read(place)
        if not written.startswith("(") or not written.endswith(")") or written.count("(") != written.count(")"):
            raise place.refusal("must be a filter in parentheses, such as (uid={user})")
        if not any(word in written for word in words):
            raise place.refusal(f"must have {' or '.join(words)} in it")
        return written

    return Form("filter", read)


@frozen
class LDAP:
    """Passwords are checked by a directory, which may say the groups of a user too."""

    url: str = field(
        metadata=option("`ldap://HOST:PORT` or `ldaps://HOST:PORT`; ports 389 and 636.", Form("URL", _url))
    )
    basedn: str = field(metadata=option("Below which entry users are looked for.", text))
    starttls: bool = field(default=False, metadata=option("Begin TLS on a connection of `ldap://`.", boolean))
    cacert: str = field(
        default="",
        metadata=option(
            "File with the authorities in PEM that the server's certificate leads to; else the system's.", text
        ),
    )
    binddn: str = field(
        default="", metadata=option("Who looks for users and groups; nobody in particular where empty.", text)
    )
    password: str = field(default="", repr=False, metadata=option("The password of `binddn`.", text))
    passwordfile: str = field(
        default="", metadata=option("A file whose first line is the password, read at the start.", text)
    )
    userfilter: str = field(
        default="(uid={user})",
        metadata=option("Which entry is a user's: `{user}` stands for the name that is shown.", _filter("{user}")),
    )
    userattribute: str = field(
        default="uid",
        metadata=option(
            "The attribute with the user's name, by which the rules know him.", Form("attribute", _attribute)
        ),
    )
    groupfilter: str = field(
        default="",
        metadata=option(
            "Which entries are a user's groups: `{dn}` stands for the user's entry, `{user}` for the name, as in "
            "`(member={dn})`. No groups are looked for where empty.",
            _filter("{dn}", "{user}"),
        ),
    )
    groupbasedn: str = field(
        default="", metadata=option("Below which entry groups are looked for; `basedn` where empty.", text)
    )
    groupattribute: str = field(
        default="cn", metadata=option("The attribute with a group's name.", Form("attribute", _attribute))
    )
    timeout: float = field(
        default=5.0,
        metadata=option("How long the directory may take for each answer; in whole seconds.", at_least(1.0)),
    )
    remember: float = field(
        default=60.0,
        metadata=option("How long a right password, and the groups with it, is not asked for again.", at_least(1.0)),
    )

    @property
    def host(self) -> str:
        """The name or address of the server."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port of the server."""
        url = urlsplit(self.url)
        return url.port or PORTS[url.scheme]

    @property
    def speaks_tls(self) -> bool:
        """Whether TLS begins before anything else is said."""
        return self.url.startswith("ldaps:")


def read_ldap(place: Place) -> LDAP:
    """The section. Raise `Refused`."""
    ldap = read_section(LDAP, place)
    if ldap.speaks_tls and ldap.starttls:
        raise place.refusal("starttls is for ldap://: with ldaps:// everything is encrypted already")
    if ldap.password and ldap.passwordfile:
        raise place.refusal("must have password or passwordfile, not both")
    if bool(ldap.binddn) != bool(ldap.password or ldap.passwordfile):
        raise place.refusal("binddn and password (or passwordfile) need each other")
    if not (ldap.speaks_tls or ldap.starttls) and ldap.host not in ("localhost", "127.0.0.1", "::1"):
        place.doubt("passwords pass over the network in the clear: use ldaps:// or starttls")
    return ldap
