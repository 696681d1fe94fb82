"""The section `http.tls`."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, loaded, refusal
from txregistry.config.model import TLS
from txregistry.config.problems import Kind


def tls(more: str = "") -> TLS:
    found = configured(f"http: {{tls: {{certificate: /c, key: /k{more}}}}}").http.tls
    assert found is not None
    return found


def refused(text: str) -> str:
    return refusal(f"http: {{tls: {{{text}}}}}")


def test_certificate_and_key_switch_it_on() -> None:
    assert tls() == TLS("/c", "/k", (), None, "tls1.2", ())


@pytest.mark.parametrize("text", ["", "certificate: '', key: ''", "certificate: , clientcas: []"])
def test_without_them_there_is_none(text: str) -> None:
    assert configured(f"http: {{tls: {{{text}}}}}").http.tls is None


@pytest.mark.parametrize(("text", "missing"), [("certificate: /c", "key"), ("key: /k", "certificate")])
def test_one_of_them_alone_is_refused(text: str, missing: str) -> None:
    assert refused(text) == f"config.yml:3: http.tls: needs {missing}"


@pytest.mark.parametrize("text", ["clientcas: [/ca]", "clientauth: require-and-verify-client-cert"])
def test_asking_clients_for_certificates_in_the_clear_is_refused(text: str) -> None:
    assert "would be open to all" in refused(text)


def test_authorities_make_every_client_prove_itself() -> None:
    with_authorities = tls(", clientcas: [/a, /b]")
    assert with_authorities.clientcas == ("/a", "/b")
    assert with_authorities.clientauth == "require-and-verify-client-cert"


@pytest.mark.parametrize(
    "mode",
    [
        "request-client-cert",
        "require-any-client-cert",
        "verify-client-cert-if-given",
        "require-and-verify-client-cert",
    ],
)
def test_every_mode_is_taken(mode: str) -> None:
    assert tls(f", clientcas: [/a], clientauth: {mode}").clientauth == mode


def test_a_mode_without_authorities_is_refused() -> None:
    """Distribution has no regard to it then, and lets everybody in."""
    assert "clientauth has no effect without clientcas" in refused(
        "certificate: /c, key: /k, clientauth: require-and-verify-client-cert"
    )


def test_an_unknown_mode_is_refused() -> None:
    assert "http.tls.clientauth: must be one of" in refused(
        "certificate: /c, key: /k, clientcas: [/a], clientauth: some"
    )


def test_an_empty_authority_is_refused() -> None:
    assert refused("certificate: /c, key: /k, clientcas: [/a, '']") == (
        "config.yml:3: http.tls.clientcas[1]: must not be empty"
    )


@pytest.mark.parametrize("version", ["tls1.2", "tls1.3"])
def test_the_versions_that_are_sound_are_taken(version: str) -> None:
    assert tls(f", minimumtls: {version}").minimumtls == version


@pytest.mark.parametrize("version", ["tls1.0", "tls1.1"])
def test_broken_versions_are_raised_with_a_warning(version: str) -> None:
    result = loaded(f"{BASE}http: {{tls: {{certificate: /c, key: /k, minimumtls: {version}}}}}")
    assert result.configuration.http.tls == TLS("/c", "/k")
    assert [warning.kind for warning in result.warnings] == [Kind.DOUBTFUL]


def test_another_version_is_refused() -> None:
    assert "http.tls.minimumtls" in refused("certificate: /c, key: /k, minimumtls: ssl3")


def test_cipher_suites_go_by_their_iana_names() -> None:
    suites = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")
    assert tls(f", ciphersuites: [{', '.join(suites)}]").ciphersuites == suites


def test_an_unknown_cipher_suite_is_refused() -> None:
    assert refused("certificate: /c, key: /k, ciphersuites: [TLS_AES_128_GCM_SHA256, ECDHE-RSA-AES128-SHA]") == (
        "config.yml:3: http.tls.ciphersuites[1]: no cipher suite of this name is known"
    )


@pytest.mark.parametrize("text", ["minimumtls: tls1.3", "ciphersuites: [TLS_AES_128_GCM_SHA256]"])
def test_what_has_no_effect_without_a_certificate_is_warned_of(text: str) -> None:
    result = loaded(f"{BASE}http: {{tls: {{{text}}}}}")
    assert result.configuration.http.tls is None
    assert [warning.kind for warning in result.warnings] == [Kind.DOUBTFUL]
