"""The how-to pages on signing in and on rights: each example loads, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography import x509

from tests.auth.clientcertificates import certificate
from txregistry.auth.certificatenames import Rule, names_in
from txregistry.auth.interfaces import ANONYMOUS, Action, Identity
from txregistry.auth.rules import AccessRules
from txregistry.config.load import load_configuration, load_text
from txregistry.config.model import Configuration

ROOT = Path(__file__).resolve().parents[2]
SPIFFE = x509.UniformResourceIdentifier("spiffe://example.org/registry/builder")
PAGES = ("sign-in.md", "rights-per-repository.md", "client-certificates.md", "tokens.md", "ldap.md")


def examples(page: str) -> list[str]:
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def configuration(text: str) -> Configuration:
    loaded = load_text(text, "example.yml", {})
    assert loaded.warnings == ()
    return loaded.configuration


@pytest.mark.parametrize(("page", "number"), [(page, n) for page in PAGES for n in range(len(examples(page)))])
def test_an_example_loads_without_a_warning(page: str, number: int) -> None:
    loaded = configuration(examples(page)[number])
    assert loaded.asks_who or loaded.txregistry.access is not None


def test_the_pages_have_examples() -> None:
    assert [len(examples(page)) for page in PAGES] == [3, 2, 2, 2, 2]


def test_the_rules_of_the_page_give_the_rights_that_it_tells_of() -> None:
    access = configuration(examples("rights-per-repository.md")[0]).txregistry.access
    assert access is not None
    rules = AccessRules(access)
    assert not rules.allows(Identity("ci"), "releases/app", Action.PUSH)
    assert rules.allows(Identity("ci"), "releases/app", Action.CREATE)
    assert rules.allows(ANONYMOUS, "public/app", Action.PULL)
    assert not rules.allows(ANONYMOUS, "private/app", Action.PULL)
    assert rules.keeps(Identity("alice"), "releases/app", "v1")


def test_the_certificates_of_the_page_name_the_users_that_it_tells_of() -> None:
    first, second = (configuration(text).txregistry.certificates for text in examples("client-certificates.md"))
    assert first is not None
    assert second is not None
    ci = certificate(("CN", "ci"), ("OU", "registry-writers"), alternative=[SPIFFE])
    names = names_in(ci, Rule(first.user, first.userpattern, first.groups, first.grouppattern))
    assert (names.user, names.groups) == ("ci", frozenset({"registry-writers"}))
    names = names_in(ci, Rule(second.user, second.userpattern, second.groups, second.grouppattern))
    assert (names.user, names.groups) == ("builder", frozenset({"writers"}))


def test_the_examples_in_etc_are_closed() -> None:
    assert load_configuration(str(ROOT / "etc" / "accounts.yml"), {}).configuration.auth.htpasswd is not None
    assert load_configuration(str(ROOT / "etc" / "token-server.yml"), {}).configuration.auth.token is not None


def test_the_tokens_page_says_who_pulls_and_pushes_where() -> None:
    own = configuration(examples("tokens.md")[0]).txregistry
    assert own.tokens is not None
    assert own.access is not None
    rules = AccessRules(own.access)
    assert rules.allows(ANONYMOUS, "library/app", Action.PULL)
    assert not rules.allows(ANONYMOUS, "other/app", Action.PULL)
    assert rules.allows(Identity("ci"), "library/app", Action.PUSH)
