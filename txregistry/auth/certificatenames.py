"""Which user and which groups a certificate names, by the rules of `txregistry.certificates`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Protocol

from attrs import frozen
from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

# As long as the longest name that a directory or a mail server takes.
LONGEST_NAME = 255

_SUBJECT = {
    "subject-cn": NameOID.COMMON_NAME,
    "subject-ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "subject-o": NameOID.ORGANIZATION_NAME,
}
_ALTERNATIVE: dict[str, type[x509.RFC822Name | x509.DNSName | x509.UniformResourceIdentifier]] = {
    "san-email": x509.RFC822Name,
    "san-dns": x509.DNSName,
    "san-uri": x509.UniformResourceIdentifier,
}


class Pattern(Protocol):
    """A regular expression over a whole name."""

    def taken_from(self, text: str) -> str | None:
        """The part that is meant, None where the name does not match."""


class CertificateProblem(Enum):
    """Why a certificate names nobody."""

    UNREADABLE = "it cannot be read"
    NO_NAME = "it has no name where the rule looks for one"
    SEVERAL = "it has several names where the rule looks for one"
    BAD_NAME = "its name is empty, too long, or has characters that cannot be seen"
    ENDED = "its time is over"


@frozen
class NamesNobody(Exception):
    """The certificate stands for no user."""

    problem: CertificateProblem


@frozen
class Rule:
    """Where to look, in the words of the configuration, and what a name has to match."""

    user: str
    user_pattern: Pattern | None = None
    groups: str = "none"
    group_pattern: Pattern | None = None


@frozen
class Names:
    """What the certificate says, and the end of its time in seconds since the epoch."""

    user: str
    groups: frozenset[str]
    until: float


def names_in(der: bytes, rule: Rule) -> Names:
    """What a certificate, which somebody has verified, says of its holder. Raise `NamesNobody`.

    Names are compared letter by letter, as everywhere in the access rules: nothing is folded or normalised, so a name
    that only looks like another is another user. Of several that are left nobody can say which is meant.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        found = _values(certificate, rule.user)
        entries = _values(certificate, rule.groups)
        until = certificate.not_valid_after_utc.timestamp()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise NamesNobody(CertificateProblem.UNREADABLE) from error
    if any(not _is_plain(name) for name in found):
        raise NamesNobody(CertificateProblem.BAD_NAME)
    users = _matching(found, rule.user_pattern)
    if not users:
        raise NamesNobody(CertificateProblem.NO_NAME)
    if len(users) > 1:
        raise NamesNobody(CertificateProblem.SEVERAL)
    [user] = users
    if not _is_plain(user):
        raise NamesNobody(CertificateProblem.BAD_NAME)
    groups = _matching(filter(_is_plain, entries), rule.group_pattern)
    return Names(user, frozenset(filter(_is_plain, groups)), until)


def _values(certificate: x509.Certificate, source: str) -> Sequence[str]:
    """All that stands there. Raise what reading it raises."""
    if source in _SUBJECT:
        return [_text(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(_SUBJECT[source])]
    if source in _ALTERNATIVE:
        try:
            extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
        except x509.ExtensionNotFound:
            return []
        names = extension.value
        assert isinstance(names, x509.SubjectAlternativeName)
        return names.get_values_for_type(_ALTERNATIVE[source])
    return []


def _text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        raise ValueError("a name that is no text")
    return value


def _matching(values: Iterable[str], pattern: Pattern | None) -> frozenset[str]:
    if pattern is None:
        return frozenset(values)
    return frozenset(part for part in map(pattern.taken_from, values) if part is not None)


def _is_plain(name: str) -> bool:
    """Neither NUL bytes nor anything else that hides in a name, such as a mark that turns the writing around."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()
