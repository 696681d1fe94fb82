"""The token server and access tokens for machines, as clients see them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from twisted.internet.defer import Deferred

from tests.api.client import Answer
from tests.auth.files import basic_header, entry
from tests.auth.issuing import LIFETIME, NOW, REFRESH, ROTATION, Replica, password
from tests.registry.world import now
from txregistry.api.tokens import MachineTokenHandlers
from txregistry.auth.door import Grant
from txregistry.auth.errors import BadTokenRequest
from txregistry.auth.interfaces import Identity
from txregistry.auth.keyring import LOOK_SECONDS
from txregistry.http.body import RequestBody
from txregistry.http.headers import Headers
from txregistry.http.request import Request
from txregistry.oci.names import RepositoryName
from txregistry.storage import layout

PULL, BOTH = "repository:library/app:pull", "repository:library/app:pull,push"
MANIFEST = "/v2/library/app/manifests/latest"
UPLOADS = "/v2/library/app/blobs/uploads/"


def claims(header: str) -> dict[str, Any]:
    part = header.removeprefix("Bearer ").split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def access(header: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one["type"], one["name"], tuple(one["actions"])) for one in claims(header)["access"]]


@pytest.fixture
def replica(tmp_path: Path) -> Replica:
    replica = Replica(tmp_path / "one")
    replica.world.push_image()
    return replica


def test_the_challenge_sends_clients_to_the_host_that_they_asked(replica: Replica) -> None:
    answer = replica("", "POST", UPLOADS)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="https://registry.example/auth/token",service="the service",scope="{BOTH}"'
    )
    assert replica("", "GET", "/v2/").status == 401


def test_an_answer_is_the_docker_protocols(replica: Replica) -> None:
    answer = replica(password("alice"), "GET", f"/auth/token?account=alice&client_id=docker&scope={BOTH}")
    document = answer.document
    assert answer.headers["cache-control"] == "no-store"
    assert document["token"] == document["access_token"]
    assert (document["expires_in"], document["issued_at"]) == (300, "2027-01-15T08:00:00Z")
    assert "refresh_token" not in document
    header = f"Bearer {document['token']}"
    assert claims(header).items() >= {
        "iss": "issuer", "sub": "alice", "aud": "the service", "iat": int(NOW), "exp": int(NOW + LIFETIME)
    }.items()  # fmt: skip
    assert access(header) == [("repository", "library/app", ("pull", "push"))]


def test_a_signed_in_user_pushes_and_everybody_pulls_the_same_repository(replica: Replica) -> None:
    alice, nobody = replica.token(password("alice"), BOTH), replica.token("", BOTH)
    assert access(nobody) == [("repository", "library/app", ("pull",))]
    assert replica(alice, "POST", UPLOADS).status == 202
    for header in (alice, nobody, ""):
        assert replica(header, "GET", MANIFEST).status == 200
        assert replica("" if header == "" else header, "GET", "/v2/").status == (401 if header == "" else 200)
    answer = replica(nobody, "POST", UPLOADS)
    assert answer.status == 401
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_passwords_go_on_to_count_beside_tokens(replica: Replica) -> None:
    assert replica(password("alice"), "POST", UPLOADS).status == 202
    assert replica(password("bob"), "POST", UPLOADS).status == 403
    wrong = replica(basic_header(b"alice:wrong"), "POST", UPLOADS)
    assert (wrong.status, wrong.headers["www-authenticate"][:6]) == (401, "Bearer")


def test_a_token_grants_what_the_rules_give_and_no_more(replica: Replica) -> None:
    asked = ["repository:library/app:pull,push,delete repository(plugin):secret/app:*", "repository:NO NAME:pull", "x"]
    bob = replica.token(password("bob"), *(scope.replace(" ", "%20") for scope in asked))
    assert access(bob) == [("repository", "library/app", ("pull",)), ("repository", "secret/app", ("pull",))]
    root = replica.token(password("root"), "repository:secret/app:*", "registry:catalog:*")
    assert access(root) == [("repository", "secret/app", ("pull", "push", "delete")), ("registry", "catalog", ("*",))]
    assert replica(root, "GET", "/v2/_catalog").document == {"repositories": ["library/app"]}
    assert replica(bob, "GET", "/v2/_catalog").status == 401


def test_the_catalog_asks_everybody_for_a_token_so_that_nobody_takes_a_part_for_the_whole(replica: Replica) -> None:
    """oras and regctl show who is signed in only when they are asked."""
    replica.world.push_blob(b"x", RepositoryName("secret/app"))
    answer = replica("", "GET", "/v2/_catalog")
    assert (answer.status, 'scope="registry:catalog:*"' in answer.headers["www-authenticate"]) == (401, True)
    everything, public = ["library/app", "secret/app"], ["library/app"]
    for who, seen in (("", public), (password("bob"), everything)):
        token = replica.token(who, "registry:catalog:*")
        assert replica(token, "GET", "/v2/_catalog").document == {"repositories": seen}
    assert replica(password("bob"), "GET", "/v2/_catalog").document == {"repositories": everything}


def test_without_rules_there_is_nothing_for_the_anonymous(tmp_path: Path) -> None:
    replica = Replica(tmp_path / "one", rules=None)
    answer = replica("", "GET", f"/auth/token?scope={PULL}")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="the realm"')
    assert replica(replica.token(password("bob"), BOTH), "POST", UPLOADS).status == 202


@pytest.mark.parametrize(
    "credentials", [b"alice:wrong", b"nobody:alice-secret", b"alice:txr_x", b"alice:txr_0123456789abcdef_" + b"x" * 43]
)
def test_a_wrong_password_gets_no_token(replica: Replica, credentials: bytes) -> None:
    answer = replica(basic_header(credentials), "GET", f"/auth/token?scope={PULL}")
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


def test_a_password_that_begins_like_an_access_token_is_still_one(replica: Replica) -> None:
    replica.sign_in.write(entry("alice", "txr_mine"))
    assert replica(basic_header(b"alice:txr_mine"), "GET", "/v2/").status == 200


def test_wrong_passwords_are_slowed_down_at_the_token_server_too(replica: Replica) -> None:
    headers = {"authorization": basic_header(b"alice:txr_0123456789abcdef_" + b"x" * 43), "host": "registry.example"}

    def ask() -> Deferred[Answer]:
        return replica.client.start("GET", "/auth/token", **headers)

    for _ in range(5):
        assert now(ask()).status == 401
    held = ask()
    assert not held.called
    replica.clock.advance(0.25)
    assert now(held).status == 401


def test_another_service_gets_no_token(replica: Replica) -> None:
    assert replica(password("alice"), "GET", "/auth/token?service=other").status == 400


def test_a_token_counts_on_every_replica_and_until_it_has_run_out(replica: Replica, tmp_path: Path) -> None:
    other = Replica(tmp_path / "other", replica.driver)
    # It has looked for keys already, and found its own.
    other.token(password("alice"))
    other.clock.advance(1)
    header = replica.token(password("alice"), BOTH)
    assert other(header, "POST", UPLOADS).status == 202
    other.clock.advance(LIFETIME + 61)
    assert other(header, "POST", UPLOADS).status == 401


def test_a_new_key_signs_and_the_old_one_is_believed_until_its_tokens_have_run_out(replica: Replica) -> None:
    def keys() -> list[str]:
        return list(now(replica.driver.list(layout.TOKEN_KEYS)))

    old = post(replica, grant_type="password", username="alice", password="alice-secret", access_type="offline")
    replica.token(password("alice"))
    [first] = keys()
    replica.clock.advance(ROTATION - 10)
    header = replica.token(password("alice"), BOTH)
    assert keys() == [first]
    replica.clock.advance(10)
    replica.token(password("alice"))
    assert len(keys()) == 2
    assert replica(header, "POST", UPLOADS).status == 202
    assert post(replica, grant_type="refresh_token", refresh_token=old.document["refresh_token"]).status == 200
    replica.clock.advance(REFRESH + LOOK_SECONDS + 60)
    replica.token(password("alice"))
    assert first not in keys()


def post(replica: Replica, **form: str) -> Answer:
    return replica("", "POST", "/auth/token", urlencode(form).encode())


def test_oauth2_gives_a_refresh_token_for_a_password_and_tokens_for_that(replica: Replica) -> None:
    form = {"service": "the service", "client_id": "docker", "scope": BOTH}
    first = post(
        replica, grant_type="password", username="alice", password="alice-secret", access_type="offline", **form
    )
    assert first.document["scope"] == BOTH
    refresh = first.document["refresh_token"]
    again = post(replica, grant_type="refresh_token", refresh_token=refresh, **form)
    assert again.document["refresh_token"] == refresh
    assert replica(f"Bearer {again.document['access_token']}", "POST", UPLOADS).status == 202
    replica.clock.advance(REFRESH + 61)
    assert post(replica, grant_type="refresh_token", refresh_token=refresh, **form).status == 401


def test_docker_login_keeps_a_refresh_token(replica: Replica) -> None:
    answer = replica(password("bob"), "GET", "/auth/token?offline_token=true")
    refresh = answer.document["refresh_token"]
    assert post(replica, grant_type="refresh_token", refresh_token=refresh).status == 200
    assert "refresh_token" not in replica("", "GET", "/auth/token?offline_token=true").document


def test_a_refresh_token_and_an_access_token_are_not_taken_for_each_other(replica: Replica) -> None:
    document = replica(password("bob"), "GET", f"/auth/token?offline_token=true&scope={PULL}").document
    assert replica(f"Bearer {document['refresh_token']}", "GET", "/v2/").status == 401
    assert post(replica, grant_type="refresh_token", refresh_token=document["token"]).status == 401


def test_a_refresh_token_ends_with_the_password(replica: Replica) -> None:
    refresh = replica(password("bob"), "GET", "/auth/token?offline_token=true").document["refresh_token"]
    replica.sign_in.write(entry("bob", "another"))
    assert post(replica, grant_type="refresh_token", refresh_token=refresh).status == 401


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "password", "username": "alice", "password": "wrong"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "x.y.z"}, 401),
        ({"grant_type": "refresh_token"}, 401),
        ({"grant_type": "client_credentials"}, 400),
        ({}, 400),
        ({"grant_type": "password", "username": "x" * 70_000}, 413),
    ],
)
def test_a_bad_form_gets_no_token(replica: Replica, form: dict[str, str], status: int) -> None:
    assert post(replica, **form).status == status


def test_what_is_no_form_is_refused(replica: Replica) -> None:
    assert replica("", "POST", "/auth/token", b"\xff").status == 400


@pytest.mark.parametrize("change", ["alg", "kid", "signature", "jwk"])
def test_a_forged_token_is_refused(replica: Replica, change: str) -> None:
    head, body, signature = replica.token(password("alice"), BOTH).removeprefix("Bearer ").split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    if change == "signature":
        signature = ("B" if signature[0] == "A" else "A") + signature[1:]
    else:
        header[change] = {"alg": "none", "kid": "other", "jwk": {"kty": "oct", "k": "AAAA"}}[change]
    forged = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    head = head if change == "signature" else forged
    answer = replica(f"Bearer {head}.{body}.{signature}", "POST", UPLOADS)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def make(replica: Replica, *scopes: str, user: str = "alice", name: str = "ci", seconds: object = 3600) -> Answer:
    body = json.dumps({"name": name, "scopes": scopes, "expires_in": seconds}).encode()
    return replica(password(user), "POST", "/v2/_txregistry/tokens", body)


def shown(answer: Answer, user: str = "ci") -> str:
    assert answer.status == 201, answer.body
    return basic_header(f"{user}:{answer.document['token']}".encode())


@pytest.mark.parametrize("user", ["ci", "alice", "whoever"])
def test_an_access_token_is_a_password_for_what_it_is_limited_to(replica: Replica, user: str) -> None:
    header = shown(make(replica, "library/*:pull"), user)
    assert replica(header, "GET", MANIFEST).status == 200
    assert replica(header, "POST", UPLOADS).status == 401
    assert replica(header, "GET", "/v2/secret/app/tags/list").status == 401
    assert replica(header, "GET", "/v2/_catalog").status == 401


def test_an_access_token_may_no_more_than_its_user(replica: Replica) -> None:
    header = shown(make(replica, "**:pull,push,delete", user="bob"))
    assert replica(header, "GET", "/v2/secret/app/tags/list").status == 404
    assert replica(header, "POST", "/v2/secret/app/blobs/uploads/").status == 403
    assert replica(header, "GET", "/v2/_catalog").status == 200


def test_an_access_token_is_a_password_at_the_token_server(replica: Replica) -> None:
    header = replica.token(shown(make(replica, "library/**:push")), f"{BOTH},delete", "repository:secret/app:pull")
    assert access(header) == [("repository", "library/app", ("pull", "push"))]
    assert replica(header, "POST", UPLOADS).status == 202


def test_a_revoked_access_token_is_refused_on_every_replica_with_what_was_made_from_it(
    replica: Replica, tmp_path: Path
) -> None:
    other = Replica(tmp_path / "other", replica.driver)
    made = make(replica, "library/**:push")
    basic = shown(made)
    bearer = replica.token(basic, BOTH)
    other.clock.advance(1)
    for header in (basic, bearer):
        assert other(header, "POST", UPLOADS).status == 202
    target = f"/v2/_txregistry/tokens/{made.document['id']}"
    assert replica(password("bob"), "DELETE", target).status == 404
    assert replica(password("alice"), "DELETE", target).status == 204
    assert replica(password("alice"), "DELETE", target).status == 404
    other.clock.advance(2)
    for header in (basic, bearer):
        assert other(header, "POST", UPLOADS).status == 401


def test_an_access_token_expires(replica: Replica) -> None:
    header = shown(make(replica, "library/**:push", seconds=10))
    assert replica(header, "POST", UPLOADS).status == 202
    replica.clock.advance(10)
    assert replica(header, "POST", UPLOADS).status == 401
    assert replica(password("alice"), "GET", "/v2/_txregistry/tokens").document == {"tokens": []}
    assert now(replica.driver.list(layout.TOKENS)) == []


def test_an_access_token_ends_with_its_users_account(replica: Replica) -> None:
    header = shown(make(replica, "library/**:push"))
    replica.sign_in.write(entry("bob", "bob-secret"))
    assert replica(header, "POST", UPLOADS).status == 401


def test_users_see_their_own_access_tokens_without_the_secrets(replica: Replica) -> None:
    made = make(replica, "library/**:pull,push", "secret/app:pull")
    secret = made.document["token"]
    [listed] = replica(password("alice"), "GET", "/v2/_txregistry/tokens").document["tokens"]
    assert listed == {key: value for key, value in made.document.items() if key != "token"}
    assert listed["scopes"] == ["library/**:pull,push", "secret/app:pull"]
    assert listed["expires"] == "2027-01-15T09:00:00Z"
    assert replica(password("bob"), "GET", "/v2/_txregistry/tokens").document == {"tokens": []}
    stored = now(replica.driver.read(f"{layout.TOKENS}/{made.document['id']}")).data
    assert secret.encode() not in stored
    assert secret.rpartition("_")[2].encode() not in stored


def test_no_token_makes_tokens(replica: Replica) -> None:
    machine = shown(make(replica, "**:push"))
    for header in (machine, replica.token(password("alice"), BOTH), replica.token(machine, BOTH)):
        for method in ("GET", "POST"):
            assert replica(header, method, "/v2/_txregistry/tokens").status == 403
    for header in ("", replica.token("")):
        assert replica(header, "POST", "/v2/_txregistry/tokens").status in (401, 403)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a/b"},
        {"scopes": ()},
        {"scopes": ("library/**",)},
        {"scopes": ("library/**:",)},
        {"scopes": ("library/**:list",)},
        {"scopes": ("*a*b*:pull",)},
        {"scopes": (1,)},
        {"scopes": ("a:pull",) * 21},
        {"seconds": 0},
        {"seconds": 1e9},
        {"seconds": True},
        {"seconds": 10**12},
    ],
)
def test_a_token_that_cannot_be_made_is_refused(replica: Replica, fields: dict[str, Any]) -> None:
    arguments = {"name": "ci", "seconds": 3600, **fields}
    scopes = arguments.pop("scopes", ("library/**:pull",))
    answer = make(replica, *scopes, **arguments)
    assert answer.status == 400, answer.body


def test_whoever_has_no_account_gets_no_access_token(replica: Replica) -> None:
    """Such as the holder of a client certificate."""
    request = Request(
        "POST", "/", "", "/", Headers(), RequestBody(0), "1.1", True, "", 0.0, grant=Grant(Identity("carol"), None)
    )
    with pytest.raises(BadTokenRequest):
        now(MachineTokenHandlers(replica.services).create(request))


def test_a_name_is_used_once_by_each_user(replica: Replica) -> None:
    assert make(replica, "a:pull").status == 201
    assert make(replica, "a:pull").status == 400
    assert make(replica, "a:pull", user="bob").status == 201


def test_a_body_that_is_no_object_makes_nothing(replica: Replica) -> None:
    for body in (b"", b"[]", b"{"):
        assert replica(password("alice"), "POST", "/v2/_txregistry/tokens", body).status == 400
