"""Certificates of clients as users."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.auth.clientcertificates import END, NOON, certificate
from tests.auth.files import SignIn, basic, entry
from txregistry.auth.certificatenames import CertificateProblem, NamesNobody, Rule, names_in
from txregistry.auth.certificates import CertificateAuthenticator
from txregistry.auth.door import Door
from txregistry.auth.errors import AuthenticationRequired, BadCredentials
from txregistry.auth.interfaces import ANONYMOUS, Action, Credentials, Demand, Identity
from txregistry.auth.rules import AccessRules
from txregistry.auth.silly import SillyAuthenticator
from txregistry.config.access import Access, AccessRule
from txregistry.config.expressions import Expression
from txregistry.testing.results import result_of

ALICE = certificate(("CN", "alice"), ("OU", "developers"), ("OU", "europe"), ("O", "Example"))
CN = Rule("subject-cn")


def problem_of(der: bytes, rule: Rule = CN) -> CertificateProblem:
    with pytest.raises(NamesNobody) as caught:
        names_in(der, rule)
    return caught.value.problem


# What is read


def test_the_common_name_is_the_user() -> None:
    names = names_in(ALICE, CN)
    assert (names.user, names.groups, names.until) == ("alice", frozenset(), END.timestamp())


@pytest.mark.parametrize(("source", "groups"), [("subject-ou", {"developers", "europe"}), ("subject-o", {"Example"})])
def test_groups_are_taken_from_where_the_rule_says(source: str, groups: set[str]) -> None:
    assert names_in(ALICE, Rule("subject-cn", groups=source)).groups == groups


def test_groups_that_do_not_match_are_left_out_and_the_part_in_parentheses_is_taken() -> None:
    der = certificate(("CN", "a"), ("OU", "registry-ci"), ("OU", "xregistry-no"), ("OU", "registry-\0x"), ("OU", "b"))
    rule = Rule("subject-cn", None, "subject-ou", Expression.compile("registry-(.*)"))
    assert names_in(der, rule).groups == {"ci"}


@pytest.mark.parametrize(
    ("source", "name"),
    [("san-email", "ci@example.org"), ("san-dns", "ci.example.org"), ("san-uri", "spiffe://example.org/ci")],
)
def test_an_alternative_name_of_the_kind_that_is_asked_for_is_the_user(source: str, name: str) -> None:
    der = certificate(
        ("CN", "other"),
        alternative=[
            x509.RFC822Name("ci@example.org"),
            x509.DNSName("ci.example.org"),
            x509.UniformResourceIdentifier("spiffe://example.org/ci"),
        ],
    )
    assert names_in(der, Rule(source)).user == name


def test_of_several_names_the_one_that_matches_counts() -> None:
    der = certificate(alternative=[x509.DNSName("ci.example.org"), x509.DNSName("ci.example.net")])
    assert names_in(der, Rule("san-dns", Expression.compile(r"(\w+)\.example\.org"))).user == "ci"
    assert problem_of(der, Rule("san-dns")) is CertificateProblem.SEVERAL
    assert problem_of(der, Rule("san-dns", Expression.compile(r".*\.example\..*"))) is CertificateProblem.SEVERAL


def test_a_pattern_holds_for_the_whole_name() -> None:
    rule = Rule("san-email", Expression.compile(r"([a-z]+)@example\.org"))
    assert names_in(certificate(alternative=[x509.RFC822Name("ci@example.org")]), rule).user == "ci"
    for name in ("ci@example.org.evil.net", "x/ci@example.org"):
        assert problem_of(certificate(alternative=[x509.RFC822Name(name)]), rule) is CertificateProblem.NO_NAME


# Names that are none


def test_two_common_names_name_nobody() -> None:
    assert problem_of(certificate(("CN", "alice"), ("CN", "root"))) is CertificateProblem.SEVERAL


def test_no_name_names_nobody() -> None:
    assert problem_of(certificate(("O", "Example"))) is CertificateProblem.NO_NAME
    assert problem_of(ALICE, Rule("san-dns")) is CertificateProblem.NO_NAME


@pytest.mark.parametrize(
    "name", ["alice\0.evil.net", "\0alice", "alice\n", "ali\u200bce", "\u202ealice", " ", " alice"]
)
def test_a_name_that_does_not_show_what_it_is_names_nobody(name: str) -> None:
    assert problem_of(certificate(("CN", name))) is CertificateProblem.BAD_NAME


def test_a_name_that_is_too_long_names_nobody() -> None:
    der = certificate(alternative=[x509.DNSName("a" * 256)])
    assert problem_of(der, Rule("san-dns")) is CertificateProblem.BAD_NAME


def test_a_bad_name_beside_a_good_one_names_nobody() -> None:
    """CVE-2009-2408: what stands before a NUL byte was taken for the whole."""
    der = certificate(("CN", "alice"), ("CN", "alice\0x"))
    assert problem_of(der) is CertificateProblem.BAD_NAME


def test_an_empty_common_name_names_nobody() -> None:
    with pytest.warns(UserWarning, match="length must be >= 1"):
        assert problem_of(certificate(("CN", ""))) is CertificateProblem.BAD_NAME


def test_a_pattern_that_takes_nothing_of_a_name_names_nobody() -> None:
    rule = Rule("subject-cn", Expression.compile("alice(x*)"))
    assert problem_of(ALICE, rule) is CertificateProblem.BAD_NAME
    assert problem_of(ALICE, Rule("subject-cn", Expression.compile("alice(x)?"))) is CertificateProblem.NO_NAME


def test_what_cannot_be_read_names_nobody() -> None:
    assert problem_of(b"no certificate") is CertificateProblem.UNREADABLE
    assert problem_of(ALICE[:-9]) is CertificateProblem.UNREADABLE
    assert problem_of(ALICE.replace(b"\x0c\x05alice", b"\x0c\x05al\xff\xffe")) is CertificateProblem.UNREADABLE


def test_a_name_that_only_looks_like_another_has_none_of_its_rights() -> None:
    rules = AccessRules(
        Access(repositories=(("**", AccessRule(users=(("ren\u00e9", ("pull",)), ("alice", ("pull",))))),))
    )
    for name, allowed in (
        ("ren\u00e9", True),
        ("rene\u0301", False),  # the same to the eye, in two characters
        ("\u0430lice", False),  # Cyrillic
        ("\uff41lice", False),  # full width
        ("Alice", False),
    ):
        user = names_in(certificate(("CN", name)), CN).user
        assert rules.allows(Identity(user), "app", Action.PULL) is allowed


# How it goes with the other ways to sign in


def test_a_certificate_signs_in_and_is_remembered() -> None:
    authenticator = CertificateAuthenticator(Rule("subject-cn", groups="subject-o"), now=lambda: NOON)
    assert authenticator.recall(None, ALICE) is None
    found = authenticator.identify(Credentials(certificate=ALICE))
    assert found == Identity("alice", groups=frozenset({"Example"}))
    assert authenticator.recall(None, ALICE) is found


def test_a_certificate_whose_time_ends_while_the_connection_lasts_counts_no_more() -> None:
    clock = Clock()
    clock.advance(NOON)
    authenticator = CertificateAuthenticator(CN, now=clock.seconds)
    assert authenticator.identify(Credentials(certificate=ALICE)) == Identity("alice")
    clock.advance(END.timestamp() - NOON)
    assert authenticator.recall(None, ALICE) is None
    assert authenticator.identify(Credentials(certificate=ALICE)) is None


def test_whoever_shows_nothing_is_anonymous() -> None:
    authenticator = CertificateAuthenticator(CN)
    assert authenticator.recall(None, None) is ANONYMOUS
    assert authenticator.identify(Credentials()) is None
    challenge = authenticator.challenge((), Credentials(), None)
    assert challenge == 'ClientCertificate realm="registry"'


def test_a_certificate_that_names_nobody_is_as_none() -> None:
    authenticator = CertificateAuthenticator(CN, now=lambda: NOON)
    nobody = certificate(("O", "Example"))
    assert authenticator.identify(Credentials(certificate=nobody)) is None
    assert authenticator.recall(None, nobody) is ANONYMOUS
    with pytest.raises(AuthenticationRequired):
        Door(authenticator).admit(Credentials(certificate=nobody), Demand("app", Action.PULL))


def test_a_password_is_refused_where_only_certificates_count() -> None:
    authenticator = CertificateAuthenticator(CN, now=lambda: NOON)
    assert authenticator.recall(b"Basic eA==", ALICE) is None
    with pytest.raises(BadCredentials):
        authenticator.identify(Credentials("Basic eDp5", certificate=ALICE))
    # What skopeo sends where it has no password.
    assert authenticator.identify(Credentials("Basic Og==", certificate=ALICE)) == Identity("alice")


def test_a_password_comes_before_a_certificate(tmp_path: Path) -> None:
    sign_in = SignIn(tmp_path, entry("bob", "right"))
    authenticator = CertificateAuthenticator(CN, sign_in.authenticator, lambda: NOON)
    shown = basic("bob", "right")
    found = authenticator.identify(Credentials(shown.authorization, shown.peer, ALICE))
    assert isinstance(found, Deferred)
    assert result_of(found) == Identity("bob")
    header = (shown.authorization or "").encode()
    assert authenticator.recall(header, ALICE) == Identity("bob")
    wrong = authenticator.identify(Credentials(basic("bob", "wrong").authorization, shown.peer, ALICE))
    assert isinstance(wrong, Deferred)
    with pytest.raises(BadCredentials):
        result_of(wrong)
    assert authenticator.identify(Credentials(certificate=ALICE)) == Identity("alice")
    assert authenticator.recall(None, None) is ANONYMOUS
    assert authenticator.challenge((), Credentials(), None) == 'Basic realm="the realm"'


def test_beside_tokens_it_asks_for_a_token_whoever_shows_nothing() -> None:
    authenticator = CertificateAuthenticator(CN, SillyAuthenticator("r", "s"), lambda: NOON)
    assert not authenticator.knows_anonymous
    assert authenticator.recall(None, None) is None
    assert authenticator.identify(Credentials()) is None
    assert authenticator.identify(Credentials("Bearer x", certificate=ALICE)) == Identity("silly")
    assert authenticator.identify(Credentials(certificate=ALICE)) == Identity("alice")
    assert authenticator.challenge((), Credentials(), None) == 'Bearer realm="r",service="s"'
