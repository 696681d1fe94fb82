"""The section `txregistry.ldap`."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, refusal, refusals, warnings

GIVEN = "url: 'ldaps://ldap.example.org', basedn: 'dc=example'"


def of(text: str) -> str:
    return f"txregistry: {{ldap: {{{text}}}}}\n"


def test_it_is_a_way_to_sign_in_with_sensible_defaults() -> None:
    configuration = configured(of(GIVEN))
    ldap = configuration.txregistry.ldap
    assert ldap is not None
    assert configuration.asks_who
    assert (ldap.host, ldap.port, ldap.speaks_tls) == ("ldap.example.org", 636, True)
    assert (ldap.userfilter, ldap.groupfilter, ldap.timeout, ldap.remember) == ("(uid={user})", "", 5.0, 60.0)


def test_hosts_and_ports_are_taken_from_the_url() -> None:
    ldap = configured(of("url: 'ldap://[::1]:1389', basedn: b")).txregistry.ldap
    assert ldap is not None
    assert (ldap.host, ldap.port, ldap.speaks_tls) == ("::1", 1389, False)


@pytest.mark.parametrize(
    "url", ["ldap:///", "http://a", "ldap://a/dc=b", "ldap://u@a", "ldap://a:0", "ldap://a:x", "a"]
)
def test_what_is_no_server_is_refused(url: str) -> None:
    assert any(
        "txregistry.ldap.url: must be ldap://HOST:PORT" in one
        for one in refusals(BASE + of(f"url: '{url}', basedn: b"))
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("userfilter: '(uid=alice)'", "userfilter: must have {user} in it"),
        ("userfilter: 'uid={user}'", "userfilter: must be a filter in parentheses"),
        ("userfilter: '(uid={user}'", "userfilter: must be a filter in parentheses"),
        ("groupfilter: '(member=x)'", "groupfilter: must have {dn} or {user} in it"),
        ("userattribute: 'a)b'", "userattribute: must be the name of an attribute"),
        ("binddn: cn=a", "ldap: binddn and password (or passwordfile) need each other"),
        ("password: a", "ldap: binddn and password (or passwordfile) need each other"),
        ("binddn: cn=a, password: a, passwordfile: /a", "ldap: must have password or passwordfile, not both"),
        ("starttls: true", "ldap: starttls is for ldap://"),
        ("timeout: 100ms", "timeout: must be at least 1s"),
    ],
)
def test_what_would_not_do_what_was_meant_is_refused(more: str, message: str) -> None:
    assert message in refusal(of(f"{GIVEN}, {more}"))


def test_it_stands_in_place_of_auth() -> None:
    assert refusal("auth: {silly: {realm: r, service: s}}\n" + of(GIVEN)) == (
        "config.yml:4: txregistry.ldap: stands in place of auth, not beside it"
    )


def test_passwords_in_the_clear_are_warned_of() -> None:
    [warning] = warnings(BASE + of("url: 'ldap://ldap.example.org', basedn: b"))
    assert "passwords pass over the network in the clear" in warning
    assert warnings(BASE + of("url: 'ldap://ldap.example.org', starttls: true, basedn: b")) == []
    assert warnings(BASE + of("url: 'ldap://localhost', basedn: b")) == []


def test_groups_of_the_directory_need_no_members_in_the_rules() -> None:
    access = "access: {admins: {groups: [a]}}"
    assert warnings(BASE + f"txregistry: {{ldap: {{{GIVEN}, groupfilter: '(member={{dn}})'}}, {access}}}\n") == []
    assert len(warnings(BASE + f"txregistry: {{ldap: {{{GIVEN}}}, {access}}}\n")) == 1


def test_the_password_is_not_shown() -> None:
    assert "canary" not in repr(configured(of(f"{GIVEN}, binddn: cn=a, password: canary")))
