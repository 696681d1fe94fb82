"""The way in that a configuration asks for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import attrs
import pytest
from twisted.internet.task import Clock

from tests.auth.tokens import P256, jwk
from tests.config.documents import configured
from txregistry.auth.certificates import CertificateAuthenticator
from txregistry.auth.door import Door
from txregistry.auth.htpasswd import HtpasswdAuthenticator
from txregistry.auth.interfaces import Action, Credentials, Identity
from txregistry.auth.ldap import LDAPAuthenticator
from txregistry.auth.silly import SillyAuthenticator
from txregistry.auth.token import TokenAuthenticator
from txregistry.concurrency.workers import InlineWorkers
from txregistry.config.tls import ClientAuth
from txregistry.daemon.door import provision_passwords, way_in
from txregistry.daemon.problems import AuthUnusable, ExtraMissing
from txregistry.storage.memory import MemoryDriver


def door(text: str) -> Door | None:
    return way_in(configured(text), MemoryDriver(), InlineWorkers(), Clock()).door


@pytest.mark.parametrize("text", ["", "auth: none\n", "auth: {none: {}}\n"])
def test_where_nothing_is_asked_there_is_no_door(text: str) -> None:
    assert door(text) is None


def test_a_door_has_the_configured_way_to_sign_in(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [jwk(P256)]}))
    for text, kind in (
        (f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/htpasswd}}}}\n", HtpasswdAuthenticator),
        (f"auth: {{token: {{realm: r, service: s, issuer: i, jwks: {keys}}}}}\n", TokenAuthenticator),
        ("auth: {silly: {realm: r, service: s}}\n", SillyAuthenticator),
    ):
        found = door(text)
        assert found is not None
        assert isinstance(found.authenticator, kind)
        assert found.rules is None


def test_rules_make_a_door_without_a_way_to_sign_in() -> None:
    found = door("txregistry: {access: {repositories: {a: {anonymous: [pull]}}}}\n")
    assert found is not None
    assert found.authenticator is None
    assert found.rules is not None
    assert found.rules.allows(Identity(None), "a", Action.PULL)


def test_clients_are_redirected_to_the_configured_host(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [jwk(P256)]}))
    token = f"{{autoredirect: true, autoredirectpath: /t, service: s, issuer: i, jwks: {keys}}}"
    for http, host in (("", "asked.example"), ("http: {host: 'https://outside.example'}\n", "outside.example")):
        found = door(f"{http}auth: {{token: {token}}}\n")
        assert found is not None
        assert found.authenticator is not None
        challenge = found.authenticator.challenge((), Credentials(host="asked.example"), None)
        assert challenge == f'Bearer realm="https://{host}/t",service="s"'


def test_keys_that_cannot_be_read_end_the_start(tmp_path: Path) -> None:
    with pytest.raises(AuthUnusable) as caught:
        door(f"auth: {{token: {{realm: r, service: s, issuer: i, rootcertbundle: {tmp_path}/none}}}}\n")
    assert caught.value.path == f"{tmp_path}/none"


def test_a_password_file_that_cannot_be_made_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    section = configured(f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/file/htpasswd}}}}\n").auth
    with pytest.raises(AuthUnusable):
        provision_passwords(section)


def test_a_password_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    section = configured(f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/htpasswd}}}}\n").auth
    provision_passwords(section)
    before = (tmp_path / "htpasswd").read_bytes()
    provision_passwords(section)
    assert before.startswith(b"docker:$2b$")
    assert (tmp_path / "htpasswd").read_bytes() == before


TLS_OF = "http: {{tls: {{certificate: a.crt, key: a.key, clientcas: [ca.crt]{}}}}}\n"
CERTIFICATES = "txregistry: {certificates: {user: subject-cn}}\n"


def test_certificates_stand_beside_the_other_way_to_sign_in_or_alone(tmp_path: Path) -> None:
    htpasswd = f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/htpasswd}}}}\n"
    for text, other in ((htpasswd, HtpasswdAuthenticator), ("", type(None))):
        found = door(TLS_OF.format("") + CERTIFICATES + text)
        assert found is not None
        assert isinstance(found.authenticator, CertificateAuthenticator)
        assert isinstance(found.authenticator.other, other)


@pytest.mark.parametrize("mode", ["request-client-cert", "require-any-client-cert", None])
def test_a_certificate_that_nobody_has_verified_never_names_anybody(mode: ClientAuth | None) -> None:
    """The configuration is refused; were it not, the certificate would still not be looked at."""
    good = configured(TLS_OF.format("") + CERTIFICATES)
    assert good.http.tls is not None
    tls = None if mode is None else attrs.evolve(good.http.tls, clientauth=mode)
    bad = attrs.evolve(good, http=attrs.evolve(good.http, tls=tls))
    assert way_in(bad, MemoryDriver(), InlineWorkers(), Clock()).door is None


def test_tokens_are_given_out_where_the_section_is_there(tmp_path: Path) -> None:
    auth = f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/htpasswd}}}}\n"
    for http, realm in (
        ("", "http://asked.example/t"),
        ("http: {prefix: /a/}\n", "http://asked.example/a/t"),
        ("http: {host: 'https://outside.example'}\n", "https://outside.example/t"),
    ):
        text = f"{http}{auth}txregistry: {{tokens: {{path: /t, service: s, keys: {tmp_path}/folder}}}}\n"
        found = way_in(configured(text), MemoryDriver(), InlineWorkers(), Clock())
        assert found.tokens is not None
        assert found.door is not None
        assert found.door.authenticator is not None
        challenge = found.door.authenticator.challenge((), Credentials(host="asked.example"), None)
        assert challenge == f'Bearer realm="{realm}",service="s"'
    assert way_in(configured(auth), MemoryDriver(), InlineWorkers(), Clock()).tokens is None


def test_the_folder_of_the_keys_is_for_nobody_else(tmp_path: Path) -> None:
    auth = f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/htpasswd}}}}\n"
    way_in(
        configured(f"{auth}txregistry: {{tokens: {{service: s, keys: {tmp_path}/folder}}}}\n"),
        MemoryDriver(),
        InlineWorkers(),
        Clock(),
    )
    assert (tmp_path / "folder" / "keys").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(AuthUnusable):
        door(f"{auth}txregistry: {{tokens: {{service: s, keys: {tmp_path}/file}}}}\n")


LDAP = "txregistry: {{ldap: {{url: 'ldaps://ldap.example.org', basedn: b, binddn: cn=a, passwordfile: {}}}}}\n"


def test_a_directory_is_a_way_to_sign_in(tmp_path: Path) -> None:
    pytest.importorskip("ldap3")
    (tmp_path / "password").write_text("secret\n")
    found = door(LDAP.format(tmp_path / "password"))
    assert found is not None
    assert isinstance(found.authenticator, LDAPAuthenticator)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_a_file_without_a_password_for_the_directory_ends_the_start(tmp_path: Path, content: bytes | None) -> None:
    pytest.importorskip("ldap3")
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    with pytest.raises(AuthUnusable) as caught:
        door(LDAP.format(tmp_path / "password"))
    assert caught.value.path == str(tmp_path / "password")


def test_a_directory_without_its_library_ends_the_start_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "txregistry.auth.ldapdirectory", None)
    with pytest.raises(ExtraMissing) as caught:
        door(LDAP.format("/password"))
    assert str(caught.value) == (
        "txregistry.ldap needs a library that is not installed: pip install 'txregistry[ldap]'"
    )
