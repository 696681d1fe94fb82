"""Who gets what answer: every route and method against every kind of client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.api.client import Answer, Client
from tests.auth import tokens
from tests.auth.files import SignIn, basic_header, entry
from tests.config.documents import configured
from tests.registry.world import APP, LATEST, OTHER, World, manifest, now
from txregistry.api.guard import Guard
from txregistry.api.routes import ROUTES, Access, Route
from txregistry.auth.door import Door
from txregistry.auth.rules import AccessRules
from txregistry.auth.silly import SillyAuthenticator
from txregistry.auth.token import TokenAuthenticator, TokenSettings
from txregistry.auth.trust import Trust
from txregistry.config.auth import SIGNING_ALGORITHMS
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName, UploadId

USERS = ("lister", "puller", "creator", "pusher", "deleter", "elsewhere", "admin")

RULES = """{
  admins: {users: [admin]},
  repositories: {
    library/app: {users: {
      lister: [list], puller: [pull], creator: [create], pusher: [push], deleter: [delete]}},
    other/app: {users: {elsewhere: [push, delete]}}}}"""

# Who may use a route of each access: the row that a new kind of access needs.
ALLOWED: dict[Access, set[str]] = {
    Access.NOTHING: {"anonymous", "wrong", *USERS},
    Access.BASE: set(USERS),
    Access.CATALOG: set(USERS),
    Access.ACCOUNT: set(USERS),
    Access.LIST: {"lister", "puller", "creator", "pusher", "admin"},
    Access.PULL: {"puller", "creator", "pusher", "admin"},
    Access.PUSH: {"creator", "pusher", "admin"},
    Access.DELETE: {"deleter", "admin"},
}
# Every route has its row here; the application has no other.
ROWS = {
    "base.root": Access.NOTHING,
    "base.ping": Access.BASE,
    "catalog.list": Access.CATALOG,
    "tags.list": Access.LIST,
    "manifests.get": Access.PULL,
    "manifests.put": Access.PUSH,
    "manifests.delete": Access.DELETE,
    "referrers.list": Access.PULL,
    "blobs.get": Access.PULL,
    "blobs.delete": Access.DELETE,
    "uploads.start": Access.PUSH,
    "uploads.status": Access.PUSH,
    "uploads.append": Access.PUSH,
    "uploads.finish": Access.PUSH,
    "uploads.cancel": Access.PUSH,
    "tokens.token": Access.NOTHING,
    "tokens.exchange": Access.NOTHING,
    "machines.list": Access.ACCOUNT,
    "machines.create": Access.ACCOUNT,
    "machines.revoke": Access.ACCOUNT,
    "repositories.delete": Access.DELETE,
}
VALUES = {
    "<path:name>": "library/app",
    "<reference>": "latest",
    "<digest>": str(Digest.of(b"x")),
    "<upload>": str(UploadId.new()),
    "<token>": "0123456789abcdef",
}


def access_rules(text: str) -> AccessRules:
    line = " ".join(text.split())
    access = configured(f"txregistry:\n  access: {line}").txregistry.access
    assert access is not None
    return AccessRules(access)


class Asked:
    """A client of a registry that asks for passwords; a user's password is the name with `-secret` behind it."""

    def __init__(self, folder: Path, rules: str | None = RULES, world: World | None = None) -> None:
        self.sign_in = SignIn(folder, "".join(entry(user, f"{user}-secret") for user in USERS))
        door = Door(self.sign_in.authenticator, None if rules is None else access_rules(rules))
        self.client = Client(world, guard=Guard(read_only=False, deletes=True, door=door))
        self.world = self.client.world

    def __call__(self, who: str, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        if who != "anonymous":
            password = "wrong" if who == "wrong" else f"{who}-secret"
            name = "admin" if who == "wrong" else who
            headers["authorization"] = basic_header(f"{name}:{password}".encode())
        return self.client(method, target, body, **headers)


def target(route: Route) -> str:
    path = route.path
    for variable, value in VALUES.items():
        path = path.replace(variable, value)
    return path


REQUESTS = [(route, method) for route in ROUTES for method in route.methods]


def test_every_route_has_its_row() -> None:
    assert {route.name: route.access for route in ROUTES} == ROWS
    assert set(ALLOWED) == set(Access)


@pytest.mark.parametrize("who", ["anonymous", "wrong", *USERS])
@pytest.mark.parametrize(("route", "method"), REQUESTS, ids=lambda value: getattr(value, "name", value))
def test_the_matrix(tmp_path: Path, route: Route, method: str, who: str) -> None:
    asked = Asked(tmp_path)
    asked.world.push_image()
    answer = asked(who, method, target(route))
    if who in ALLOWED[ROWS[route.name]]:
        assert answer.status not in (401, 403)
    elif who in ("anonymous", "wrong"):
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="the realm"')
        assert answer.code == "UNAUTHORIZED"
    else:
        assert (answer.status, answer.code) == (403, "DENIED")
        assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(("route", "method"), REQUESTS, ids=lambda value: getattr(value, "name", value))
def test_without_rules_whoever_signs_in_may_do_everything(tmp_path: Path, route: Route, method: str) -> None:
    asked = Asked(tmp_path, None)
    assert asked("elsewhere", method, target(route)).status not in (401, 403)
    assert (asked("anonymous", method, target(route)).status == 401) == (route.access is not Access.NOTHING)


@pytest.mark.parametrize(("route", "method"), REQUESTS, ids=lambda value: getattr(value, "name", value))
def test_a_refused_request_is_refused_before_its_body_is_read(tmp_path: Path, route: Route, method: str) -> None:
    asked = Asked(tmp_path)
    before = asked.world.driver
    if route.access is not Access.NOTHING:
        assert asked("anonymous", method, target(route), b"x" * 1024).status == 401
        assert asked("wrong", method, target(route), b"x" * 1024).status == 401
    assert asked.world.driver is before
    assert now(asked.world.registry.catalog.page(None, 10)) == ([], False)


def test_a_refusal_tells_what_was_asked_for_as_distribution_does(tmp_path: Path) -> None:
    (error,) = Asked(tmp_path)("anonymous", "POST", "/v2/library/app/blobs/uploads/").document["errors"]
    assert error["code"] == "UNAUTHORIZED"
    assert error["detail"] == [
        {"Type": "repository", "Class": "", "Name": "library/app", "Action": action} for action in ("pull", "push")
    ]


def test_the_user_is_known_to_the_access_log(tmp_path: Path) -> None:
    asked, seen = Asked(tmp_path), []
    handle = asked.client.application.handle

    def watched(request: Any) -> Any:
        seen.append(request)
        return handle(request)

    asked.client.application.handle = watched  # type: ignore[method-assign]  # the test looks on
    asked("puller", "GET", "/v2/")
    asked("wrong", "GET", "/v2/")
    assert [request.user for request in seen] == ["puller", None]


PUBLIC = """{
  repositories: {
    '**': {anonymous: [pull], users: {pusher: [push]}},
    secret/**: {users: {pusher: [push], puller: [pull]}}}}"""


def test_what_everybody_may_needs_no_password_and_the_rest_asks_for_one(tmp_path: Path) -> None:
    asked = Asked(tmp_path, PUBLIC)
    asked.world.push_image()
    assert asked("anonymous", "GET", "/v2/library/app/manifests/latest").status == 200
    assert asked("anonymous", "GET", "/v2/library/app/tags/list").status == 200
    assert asked("anonymous", "POST", "/v2/library/app/blobs/uploads/").status == 401
    assert asked("anonymous", "GET", "/v2/secret/app/manifests/latest").status == 401
    assert asked("pusher", "POST", "/v2/library/app/blobs/uploads/").status == 202
    assert asked("lister", "POST", "/v2/library/app/blobs/uploads/").status == 403


def test_a_wrong_password_is_not_taken_for_nobody(tmp_path: Path) -> None:
    asked = Asked(tmp_path, PUBLIC)
    asked.world.push_image()
    assert asked("wrong", "GET", "/v2/library/app/manifests/latest").status == 401


def test_the_ping_asks_for_a_password_unless_nobody_needs_one(tmp_path: Path) -> None:
    """Docker takes the way to sign in from the answer to its ping alone."""
    assert Asked(tmp_path, PUBLIC)("anonymous", "GET", "/v2/").status == 401
    everything = "{repositories: {'**': {anonymous: [push, delete]}}}"
    assert Asked(tmp_path, everything)("anonymous", "GET", "/v2/").status == 200


def test_without_any_way_to_sign_in_the_rules_for_everybody_hold() -> None:
    rules = access_rules("{repositories: {'**': {anonymous: [pull]}}}")
    client = Client(guard=Guard(read_only=False, deletes=True, door=Door(None, rules)))
    client.world.push_image()
    assert client("GET", "/v2/").status == 200
    assert client("GET", "/v2/library/app/manifests/latest").status == 200
    answer = client("POST", "/v2/library/app/blobs/uploads/")
    assert (answer.status, answer.code) == (403, "DENIED")


def catalog(asked: Asked, who: str, query: str = "") -> tuple[list[str], str | None]:
    answer = asked(who, "GET", f"/v2/_catalog{query}")
    assert answer.status == 200
    return answer.document["repositories"], answer.headers.get("link")


def test_the_catalog_shows_what_the_asker_may_pull(tmp_path: Path) -> None:
    asked = Asked(tmp_path, PUBLIC)
    for name in ("a", "secret/one", "secret/two", "b"):
        asked.world.push_blob(b"x", RepositoryName(name))
    assert catalog(asked, "anonymous") == (["a", "b"], None)
    assert catalog(asked, "lister") == (["a", "b"], None)
    assert catalog(asked, "puller") == (["a", "b", "secret/one", "secret/two"], None)
    assert catalog(asked, "pusher") == (["a", "b", "secret/one", "secret/two"], None)


def test_the_pages_of_a_catalog_that_hides_something_are_full_and_none_is_too_many(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "{repositories: {'**': {}, 'even/**': {users: {puller: [pull]}}}}")
    for number in range(12):
        asked.world.push_blob(b"x", RepositoryName(f"{'odd' if number % 2 else 'even'}/{number:02}"))
    pages, query = [], "?n=2"
    while query:
        names, link = catalog(asked, "puller", query)
        pages.append(names)
        query = "?" + link.partition("?")[2].partition(">")[0] if link else ""
    assert pages == [[f"even/{number:02}", f"even/{number + 2:02}"] for number in (0, 4, 8)]


def test_a_catalog_of_nothing_is_not_for_the_anonymous(tmp_path: Path) -> None:
    assert Asked(tmp_path)("anonymous", "GET", "/v2/_catalog").status == 401


def mount(asked: Asked, who: str, digest: Digest, source: str | None = None) -> int:
    query = f"?mount={digest}" + (f"&from={source}" if source else "")
    return asked(who, "POST", f"/v2/library/app/blobs/uploads/{query}").status


def test_a_blob_of_a_repository_that_one_may_not_pull_is_not_mounted(tmp_path: Path) -> None:
    """CVE-2024-39897: whoever knew a digest could have the blob."""
    asked = Asked(tmp_path)
    digest = asked.world.push_blob(b"secret", OTHER)
    assert mount(asked, "pusher", digest, "other/app") == 202
    assert mount(asked, "pusher", digest) == 202
    assert asked("pusher", "HEAD", f"/v2/library/app/blobs/{digest}").status == 404
    assert mount(asked, "admin", digest, "other/app") == 201


def test_a_mount_without_a_source_is_for_those_who_may_read_everything(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    digest = asked.world.push_blob(b"secret", OTHER)
    assert mount(asked, "admin", digest) == 201


def test_an_upload_of_another_repository_cannot_be_reached(tmp_path: Path) -> None:
    """CVE-2026-32589: any pusher could read, change and cancel other users' uploads."""
    asked = Asked(tmp_path)
    location = asked("pusher", "POST", "/v2/library/app/blobs/uploads/").headers["location"]
    upload = location.rpartition("/")[2]
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert asked("elsewhere", method, location).status == 403
        query = f"?digest={Digest.of(b'')}"
        assert asked("elsewhere", method, f"/v2/other/app/blobs/uploads/{upload}{query}").status == 404
    assert asked("pusher", "GET", location).status == 204


@pytest.mark.parametrize("who", ["creator", "admin"])
def test_an_upload_of_another_user_cannot_be_reached(tmp_path: Path, who: str) -> None:
    """CVE-2026-32589, in one's own repository, by whoever has learned the id."""
    asked = Asked(tmp_path)
    location = asked("pusher", "POST", "/v2/library/app/blobs/uploads/").headers["location"]
    asked("pusher", "PATCH", location, b"content")
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = asked(who, method, f"{location}?digest={Digest.of(b'content')}", b"")
        assert answer.status == 404
        assert method == "GET" or answer.code == "BLOB_UPLOAD_UNKNOWN"
    assert asked("pusher", "PUT", f"{location}?digest={Digest.of(b'content')}").status == 201


def test_whoever_has_not_signed_in_has_sessions_too(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "{repositories: {'**': {anonymous: [push]}}}")
    location = asked("anonymous", "POST", "/v2/library/app/blobs/uploads/").headers["location"]
    assert asked("pusher", "GET", location).status == 404
    assert asked("anonymous", "PATCH", location, b"content").status == 202
    assert asked("anonymous", "PUT", f"{location}?digest={Digest.of(b'content')}").status == 201


def put(asked: Asked, who: str, content: bytes, reference: str, query: str = "") -> Answer:
    path = f"/v2/library/app/manifests/{reference}{query}"
    return asked(who, "PUT", path, content, content_type=mediatypes.OCI_MANIFEST)


@pytest.mark.parametrize("tag", ["latest", "1", "v1.0"])
def test_whoever_may_only_create_cannot_move_a_tag(tmp_path: Path, tag: str) -> None:
    """CVE-2026-31801: a user who may only create could overwrite `latest`."""
    asked = Asked(tmp_path)
    old, new = asked.world.image(salt="old"), asked.world.image(salt="new")
    assert put(asked, "creator", old, tag).status == 201
    answer = put(asked, "creator", new, tag)
    assert (answer.status, answer.code) == (403, "DENIED")
    assert put(asked, "creator", new, str(Digest.of(new)), f"?tag=fresh&tag={tag}").status == 403
    assert asked("creator", "GET", f"/v2/library/app/manifests/{tag}").body == old
    assert asked("creator", "GET", "/v2/library/app/tags/list").document["tags"] == [tag]
    assert asked("creator", "GET", f"/v2/library/app/manifests/{Digest.of(new)}").status == 404
    assert put(asked, "creator", new, str(Digest.of(new)), "?tag=fresh").status == 201
    assert put(asked, "pusher", new, tag).status == 201


def test_an_immutable_tag_is_set_once(tmp_path: Path) -> None:
    rules = "{admins: {users: [admin]}, repositories: {'**': {users: {pusher: [push]}, immutabletags: ['v*']}}}"
    asked = Asked(tmp_path, rules)
    old, new = asked.world.image(salt="old"), asked.world.image(salt="new")
    for tag, status in (("v1", 403), ("latest", 201)):
        assert put(asked, "pusher", old, tag).status == 201
        assert put(asked, "pusher", new, tag).status == status
        assert put(asked, "admin", new, tag).status == status


def test_of_fifty_who_create_a_tag_at_once_exactly_one_wins(tmp_path: Path) -> None:
    """Each push waits for the store between its look at the tag and the setting of it."""
    world = World()
    config, layer = world.push_blob(b"{}"), world.push_blob(b"layer")
    contents = [manifest(config, [layer], annotations={"n": str(number)}) for number in range(50)]
    manifests = world.registry.manifests
    gate: Deferred[None] = Deferred()
    check = world.registry.tags.check_free
    waiting = []

    async def slow(name: RepositoryName, tag: Any) -> None:
        await check(name, tag)
        if not gate.called:
            mine: Deferred[None] = Deferred()
            waiting.append(mine)
            await mine

    world.registry.tags.check_free = slow  # type: ignore[method-assign]  # all have looked before any has set
    results: list[str] = []
    for content in contents:
        step = manifests.put(APP, LATEST, content, mediatypes.OCI_MANIFEST, (), lambda _tag: True)
        Deferred.fromCoroutine(step).addCallbacks(
            lambda pushed: results.append("set"), lambda failure: results.append(failure.type.__name__)
        )
    assert len(waiting) == 50
    gate.callback(None)
    for one in waiting:
        one.callback(None)
    world.clock.advance(1)
    assert sorted(results) == ["TagExists"] * 49 + ["set"]


class WithTokens:
    """A client of a registry that believes tokens."""

    def __init__(self, rules: str | None = None) -> None:
        settings = TokenSettings(
            "https://auth.example/token", tokens.SERVICE, tokens.ISSUER, frozenset(SIGNING_ALGORITHMS)
        )
        trust = Trust([], {"k": tokens.P256.public_key()})
        authenticator = TokenAuthenticator(settings, trust, lambda: tokens.NOW)
        door = Door(authenticator, None if rules is None else access_rules(rules))
        self.client = Client(guard=Guard(read_only=False, deletes=True, door=door))
        self.world = self.client.world

    def __call__(self, method: str, target: str, body: bytes = b"", **claims: Any) -> Answer:
        token = tokens.token({"alg": "ES256", "kid": "k"}, tokens.claims(**claims), tokens.P256)
        return self.client(method, target, body, authorization=f"Bearer {token}")


def granted(*scopes: str) -> list[dict[str, Any]]:
    """`repository:library/app:pull,push` and so on, as the claim has them."""
    return [
        {"type": kind, "name": name, "actions": actions.split(",")}
        for kind, name, actions in (scope.split(":") for scope in scopes)
    ]


NEEDED = {
    Access.LIST: "repository:library/app:pull",
    Access.PULL: "repository:library/app:pull",
    Access.PUSH: "repository:library/app:pull,push",
    Access.DELETE: "repository:library/app:delete",
    Access.CATALOG: "registry:catalog:*",
}
SCOPES = (*dict.fromkeys(NEEDED.values()), "repository:other/app:pull,push,delete", "repository:library/app:push")


@pytest.mark.parametrize("scope", [None, *SCOPES])
@pytest.mark.parametrize(("route", "method"), REQUESTS, ids=lambda value: getattr(value, "name", value))
def test_the_matrix_of_tokens(route: Route, method: str, scope: str | None) -> None:
    asked = WithTokens()
    needed = NEEDED.get(route.access)
    answer = asked(method, target(route), access=granted(scope) if scope else None)
    enough = needed is None or scope == needed or (scope == NEEDED[Access.PUSH] and needed == NEEDED[Access.PULL])
    if route.access is Access.ACCOUNT:
        assert answer.status == 403
    elif enough:
        assert answer.status not in (401, 403)
    else:
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == (
            'Bearer realm="https://auth.example/token",service="registry.example",'
            f'scope="{needed}",error="insufficient_scope"'
        )


@pytest.mark.parametrize(("route", "method"), REQUESTS, ids=lambda value: getattr(value, "name", value))
def test_without_a_token_or_with_an_expired_one_every_route_asks_for_one(route: Route, method: str) -> None:
    asked = WithTokens()
    if route.access is Access.NOTHING:
        assert asked.client(method, target(route)).status != 401
        return
    answer = asked.client(method, target(route))
    assert answer.status == 401
    assert "error=" not in answer.headers["www-authenticate"]
    answer = asked(method, target(route), exp=tokens.NOW - 100, access=granted(*SCOPES))
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_the_challenge_to_a_mount_asks_for_its_source_too() -> None:
    asked = WithTokens()
    path = f"/v2/library/app/blobs/uploads/?mount={Digest.of(b'x')}&from=other/app"
    challenge = asked.client("POST", path).headers["www-authenticate"]
    assert 'scope="repository:library/app:pull,push repository:other/app:pull"' in challenge


@pytest.mark.parametrize(("source", "status"), [("repository:other/app:pull", 201), ("repository:other/app:push", 202)])
def test_a_token_mounts_from_what_it_may_pull(source: str, status: int) -> None:
    asked = WithTokens()
    digest = asked.world.push_blob(b"x", OTHER)
    path = f"/v2/library/app/blobs/uploads/?mount={digest}"
    access = granted("repository:library/app:pull,push", source)
    assert asked("POST", f"{path}&from=other/app", access=access).status == status
    assert asked("POST", path, access=access).status == 202


def test_token_and_rules_have_both_to_allow_it() -> None:
    asked = WithTokens("{repositories: {library/app: {users: {alice: [pull]}}}}")
    asked.world.push_image()
    path, push = "/v2/library/app/manifests/latest", granted("repository:library/app:pull,push,delete")
    assert asked("GET", path, access=push).status == 200
    assert asked("GET", path, access=push, sub="bob").status == 403
    assert asked("GET", path, access=push, sub=None).status == 403
    assert asked("GET", path, access=None).status == 401
    assert asked("DELETE", path, access=push).status == 403
    assert asked("GET", "/v2/", access=None, sub=None).status == 200


def test_the_catalog_of_a_token_is_that_of_its_user() -> None:
    asked = WithTokens("{repositories: {a: {users: {alice: [pull]}}, b: {users: {bob: [pull]}}}}")
    for name in ("a", "b"):
        asked.world.push_blob(b"x", RepositoryName(name))
    answer = asked("GET", "/v2/_catalog", access=granted("registry:catalog:*"))
    assert json.loads(answer.body) == {"repositories": ["a"]}


def test_silly_lets_in_whoever_shows_anything() -> None:
    door = Door(SillyAuthenticator("https://auth.example/token", "registry.example"))
    client = Client(guard=Guard(read_only=False, deletes=True, door=door))
    answer = client("GET", "/v2/a/tags/list")
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a:pull"'
    )
    assert client("GET", "/v2/", authorization="seriously").status == 200


def test_many_wrong_passwords_are_answered_late_and_then_not_looked_at(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    clock: Clock = asked.sign_in.clock
    statuses: list[int] = []

    def guess() -> None:
        answer = asked.client.start("GET", "/v2/", authorization=basic_header(b"admin:guess"))
        answer.addCallback(lambda answer: statuses.append(answer.status))

    for _ in range(56):
        guess()
    assert statuses == [401] * 5 + [429]
    clock.advance(10)
    assert statuses == [401] * 5 + [429] + [401] * 50
