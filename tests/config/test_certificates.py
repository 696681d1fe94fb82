"""The section `txregistry.certificates`."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, refusal, warnings

TLS = "http: {{tls: {{certificate: a.crt, key: a.key, clientcas: [ca.crt]{}}}}}\n"
SECTION = "txregistry: {certificates: {user: subject-cn}}\n"


@pytest.mark.parametrize("mode", ["", ", clientauth: verify-client-cert-if-given"])
def test_certificates_are_taken_where_they_are_verified(mode: str) -> None:
    configuration = configured(TLS.format(mode) + SECTION)
    assert configuration.txregistry.certificates is not None
    assert configuration.asks_who


@pytest.mark.parametrize("mode", ["request-client-cert", "require-any-client-cert"])
def test_certificates_that_nobody_verifies_are_refused(mode: str) -> None:
    assert refusal(TLS.format(f", clientauth: {mode}") + SECTION).startswith(
        "config.yml:4: txregistry.certificates: needs http.tls.clientcas"
    )


def test_certificates_without_tls_are_refused() -> None:
    assert "needs http.tls.clientcas" in refusal(SECTION)


def test_where_the_name_stands_has_to_be_said() -> None:
    section = "txregistry: {certificates: {groups: subject-ou}}\n"
    assert refusal(TLS.format("") + section) == "config.yml:4: txregistry.certificates: needs user"


def test_patterns_are_of_re2() -> None:
    section = "txregistry: {certificates: {user: san-dns, userpattern: '(a'}}\n"
    assert "not a regular expression of RE2" in refusal(TLS.format("") + section)


@pytest.mark.parametrize(("groups", "known"), [("none", False), ("subject-ou", True)])
def test_groups_may_come_from_certificates(groups: str, known: bool) -> None:
    text = (
        f"txregistry: {{certificates: {{user: subject-cn, groups: {groups}}}, access: {{admins: {{groups: [a]}}}}}}\n"
    )
    doubts = warnings(BASE + TLS.format("") + text)
    assert doubts == ([] if known else ["config.yml:4: txregistry.access: nobody is known to be in the group a"])
