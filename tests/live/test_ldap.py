"""A directory says who may come in: OpenLDAP's slapd."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.auth.files import basic_header
from tests.live.support.certificates import Certificates, make_certificates
from tests.live.support.server import Server
from tests.live.support.slapd import (
    BASE,
    ROOT_DN,
    ROOT_PASSWORD,
    SEARCHER_DN,
    SEARCHER_PASSWORD,
    Slapd,
)
from tests.live.support.system import host_name, trusted_by_docker
from tests.live.test_sign_in import (  # noqa: F401  # docker and image are fixtures
    HOST,
    NAME,
    USERS,
    assert_no_secret_was_logged,
    docker,
    image,
    login_push_pull_logout,
)
from txregistry.auth.directory import DirectoryUnavailable, Member
from txregistry.config.ldap import LDAP

pytestmark = pytest.mark.live
ldap3 = pytest.importorskip("ldap3")

from txregistry.auth.ldapdirectory import LDAPDirectory  # noqa: E402  # needs the extra

DEVELOPERS = frozenset({"developers"})
# With everything in it that means something in a filter or in a name.
CAROL = "carol (ops)*"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "certificates", "localhost")


@pytest.fixture
def slapd(tmp_path: Path, certificates: Certificates) -> Iterator[Slapd]:
    people = {**USERS, CAROL: "canary-of-carol", "dave": None}
    with Slapd(tmp_path / "slapd", certificates, people) as running:
        yield running


@pytest.fixture
def settings(slapd: Slapd, certificates: Certificates) -> LDAP:
    return LDAP(
        url=f"ldap://localhost:{slapd.plain}",
        starttls=True,
        cacert=str(certificates.authority),
        basedn=f"ou=people,{BASE}",
        binddn=SEARCHER_DN,
        groupfilter="(&(objectClass=groupOfNames)(member={dn}))",
        groupbasedn=f"ou=groups,{BASE}",
        timeout=2.0,
    )


def check(settings: LDAP, user: str, password: str) -> Member | None:
    return LDAPDirectory(settings, SEARCHER_PASSWORD).check(user, password.encode())


@pytest.mark.parametrize("way", ["starttls", "ldaps", "plain"])
def test_a_right_password_tells_the_groups(settings: LDAP, slapd: Slapd, way: str) -> None:
    if way == "ldaps":
        settings = attrs.evolve(settings, url=f"ldaps://localhost:{slapd.secure}", starttls=False)
    elif way == "plain":
        settings = attrs.evolve(settings, starttls=False)
    assert check(settings, "alice", USERS["alice"]) == Member("alice", DEVELOPERS)
    assert check(settings, "bob", USERS["bob"]) == Member("bob", frozenset())
    assert check(settings, "bob", USERS["alice"]) is None
    assert check(settings, "nobody", USERS["alice"]) is None


def test_a_name_is_taken_as_the_directory_writes_it(settings: LDAP) -> None:
    assert check(settings, "ALICE", USERS["alice"]) == Member("alice", DEVELOPERS)


def test_an_empty_password_is_no_password(settings: LDAP) -> None:
    """RFC 4513, 5.1.2: a bind with a name and no password succeeds, unauthenticated."""
    assert check(settings, "alice", "") is None
    assert check(settings, "dave", "") is None
    assert check(settings, "dave", "anything") is None


@pytest.mark.parametrize(
    "user",
    ["*", "al*", "alice)(uid=*", "*)(|(uid=*", "alice)(cn=alice", "alice\\", "alice\0", "alice ", "(", "\u0430lice"],
)
def test_a_name_cannot_change_the_question(settings: LDAP, user: str) -> None:
    found = check(settings, user, USERS["alice"])
    # Blanks at the end count for nothing in a directory: it is alice, and known by that name.
    assert found == (Member("alice", DEVELOPERS) if user == "alice " else None)


def test_a_name_full_of_what_means_something_is_found_with_its_groups(settings: LDAP) -> None:
    assert check(settings, CAROL, "canary-of-carol") == Member(CAROL, DEVELOPERS)


def test_a_certificate_for_another_name_or_from_another_authority_is_not_believed(
    settings: LDAP, slapd: Slapd, tmp_path: Path
) -> None:
    other = make_certificates(tmp_path / "other", "localhost")
    secure = attrs.evolve(settings, url=f"ldaps://localhost:{slapd.secure}", starttls=False)
    for wrong in (
        attrs.evolve(settings, url=f"ldap://127.0.0.1:{slapd.plain}"),
        attrs.evolve(settings, cacert=str(other.authority)),
        attrs.evolve(secure, url=f"ldaps://127.0.0.1:{slapd.secure}"),
        attrs.evolve(secure, cacert=str(other.authority)),
        attrs.evolve(secure, cacert=""),
    ):
        with pytest.raises(DirectoryUnavailable):
            check(wrong, "alice", USERS["alice"])


def test_what_cannot_be_encrypted_is_not_said_in_the_clear(settings: LDAP, slapd: Slapd) -> None:
    slapd.stop()
    slapd.forget_tls()
    slapd.start()
    with pytest.raises(DirectoryUnavailable):
        check(settings, "alice", USERS["alice"])
    assert check(attrs.evolve(settings, starttls=False), "alice", USERS["alice"]) == Member("alice", DEVELOPERS)


def test_nobody_is_let_in_where_the_searcher_is_not(settings: LDAP) -> None:
    with pytest.raises(DirectoryUnavailable, match="invalidCredentials"):
        LDAPDirectory(settings, "canary-wrong").check("alice", USERS["alice"].encode())
    with pytest.raises(DirectoryUnavailable):
        check(attrs.evolve(settings, basedn="ou=nowhere,dc=example,dc=org"), "alice", USERS["alice"])


def test_a_referral_is_not_followed(settings: LDAP, slapd: Slapd) -> None:
    """Whoever can write a referral could else have the searcher's password sent to a server of his."""
    with socket.create_server(("127.0.0.1", slapd.referred)) as other:
        other.setblocking(False)
        assert check(settings, "alice", USERS["alice"]) == Member("alice", DEVELOPERS)
        assert check(settings, "nobody", "x") is None
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_directory_that_is_away_or_says_nothing_lets_nobody_in(settings: LDAP, slapd: Slapd) -> None:
    settings = attrs.evolve(settings, timeout=1.0)
    slapd.freeze()
    with pytest.raises(DirectoryUnavailable):
        check(settings, "alice", USERS["alice"])
    slapd.stop()
    with pytest.raises(DirectoryUnavailable):
        check(settings, "alice", USERS["alice"])


# The whole registry


def section(slapd: Slapd, certificates: Certificates) -> dict[str, Any]:
    return {
        "url": f"ldap://localhost:{slapd.plain}",
        "starttls": True,
        "cacert": str(certificates.authority),
        "basedn": f"ou=people,{BASE}",
        "binddn": SEARCHER_DN,
        "password": SEARCHER_PASSWORD,
        "groupfilter": "(member={dn})",
        "groupbasedn": f"ou=groups,{BASE}",
        "timeout": "2s",
        "remember": "1s",
    }


RULES = {"repositories": {"library/**": {"groups": {"developers": ["push"]}}}}


def test_groups_give_rights_until_they_are_taken_away(tmp_path: Path, slapd: Slapd, certificates: Certificates) -> None:
    settings = {
        "txregistry": {"ldap": section(slapd, certificates), "access": RULES},
        "log": {"level": "debug", "accesslog": {"disabled": False}},
    }
    with Server("txregistry", tmp_path / "server", settings=settings) as server, server.client() as client:

        def status(user: str, password: str, method: str = "POST") -> int:
            shown = {"Authorization": basic_header(f"{user}:{password}".encode())}
            path = f"/v2/{NAME}/blobs/uploads/" if method == "POST" else "/v2/"
            return client.request(method, path, headers=shown).status

        assert client.request("GET", "/v2/").status == 401
        assert status("alice", "", "GET") == 401
        assert status("alice", "canary-wrong", "GET") == 401
        assert status("bob", USERS["bob"], "GET") == 200
        assert status("bob", USERS["bob"]) == 403
        assert status("alice", USERS["alice"]) == 202
        root = ldap3.Connection(ldap3.Server("127.0.0.1", slapd.plain), ROOT_DN, ROOT_PASSWORD, auto_bind=True)
        alice = [(ldap3.MODIFY_DELETE, [f"uid=alice,ou=people,{BASE}"])]
        assert root.modify(f"cn=developers,ou=groups,{BASE}", {"member": alice})
        root.unbind()
        while status("alice", USERS["alice"]) == 202:
            pass  # remembered, for a second
        assert status("alice", USERS["alice"]) == 403
        slapd.stop()
        while (last := status("alice", USERS["alice"], "GET")) == 200:
            pass  # remembered, for a second
        assert last == 503
        assert client.request("GET", "/v2/").status == 401
        slapd.start()
        assert status("alice", USERS["alice"], "GET") == 200
        assert_no_secret_was_logged(server, SEARCHER_PASSWORD)
        assert "the directory cannot be asked: nobody can sign in anew" in server.log_text()


def test_while_one_waits_for_the_directory_the_others_are_served(
    tmp_path: Path, slapd: Slapd, certificates: Certificates
) -> None:
    settings = {"txregistry": {"ldap": {**section(slapd, certificates), "remember": "10m"}, "access": RULES}}
    alice, bob = ({"Authorization": basic_header(f"{user}:{USERS[user]}".encode())} for user in ("alice", "bob"))
    with (
        Server("txregistry", tmp_path / "server", settings=settings) as server,
        server.client() as one,
        server.client() as other,
        ThreadPoolExecutor(1) as threads,
    ):
        assert one.request("GET", "/v2/", headers=alice).status == 200
        slapd.freeze()
        waiting = threads.submit(other.request, "GET", "/v2/", headers=bob)
        for _ in range(50):
            assert one.request("GET", "/v2/", headers=alice).status == 200
            assert one.request("GET", "/v2/").status == 401
        assert not waiting.done()
        assert waiting.result().status == 503
        slapd.thaw()
        assert other.request("GET", "/v2/", headers=bob).status == 200
        server.stop()
        assert server.defects() == []


def test_docker_signs_in_with_a_password_of_the_directory(
    docker: Any,  # noqa: F811
    image: str,  # noqa: F811
    tmp_path: Path,
    slapd: Slapd,
    certificates: Certificates,
) -> None:
    own = make_certificates(tmp_path / "registry-certificates", HOST)
    settings = {
        "http": {"tls": {"certificate": str(own.certificate), "key": str(own.key)}},
        "txregistry": {"ldap": section(slapd, certificates), "access": RULES},
        "log": {"level": "debug", "accesslog": {"disabled": False}},
    }
    with (
        host_name(HOST),
        Server("txregistry", tmp_path / "server", settings=settings, authority=own.authority, host=HOST) as server,
        trusted_by_docker(server.address, own.authority),
    ):
        login_push_pull_logout(docker, server, image, f"{server.address}/{NAME}:1")
        assert_no_secret_was_logged(server, SEARCHER_PASSWORD)
