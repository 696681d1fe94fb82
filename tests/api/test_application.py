"""The route table as a whole: what every endpoint has in common."""

from __future__ import annotations

import pytest

from tests.api.client import Client
from tests.registry.world import World, now
from txregistry.api.guard import Guard
from txregistry.api.routes import ROUTES, Access, Route
from txregistry.api.urls import URLs
from txregistry.oci.digest import Digest
from txregistry.oci.names import UploadId
from txregistry.storage.errors import PathNotFound

_VALUES = {
    "<path:name>": "library/app",
    "<reference>": "latest",
    "<digest>": str(Digest.of(b"x")),
    "<upload>": str(UploadId.new()),
}


def _target(route: Route) -> str:
    path = route.path
    for variable, value in _VALUES.items():
        path = path.replace(variable, value)
    return path


def _rows(*access: Access, changes: bool) -> list[tuple[str, str]]:
    return [
        (method, _target(route))
        for route in ROUTES
        for method in route.methods
        if route.changes is changes and (not access or route.access in access)
    ]


def _content(world: World, folder: str = "docker") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        names = now(world.driver.list(folder))
    except PathNotFound:
        return found
    for name in names:
        path = f"{folder}/{name}"
        if now(world.driver.stat(path)).is_folder:
            found.update(_content(world, path))
        else:
            found[path] = now(world.driver.read(path)).data
    return found


def test_the_names_of_routes_are_unique() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def test_only_safe_methods_change_nothing() -> None:
    for route in ROUTES:
        # A token is asked for by POST too, and nothing is kept of it.
        assert route.changes == (not set(route.methods) <= {"GET", "HEAD"} and route.name != "tokens.exchange")


@pytest.mark.parametrize(("method", "target"), _rows(changes=True))
def test_read_only_forbids_every_mutation(method: str, target: str) -> None:
    """CVE-2026-41888: one mutating route that nobody thought of."""
    client = Client(guard=Guard(read_only=True, deletes=True))
    client.world.push_image()
    before = _content(client.world)
    answer = client(method, target)
    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    assert _content(client.world) == before


@pytest.mark.parametrize(("method", "target"), _rows(Access.DELETE, changes=True))
def test_deletes_switched_off_forbid_deleting(method: str, target: str) -> None:
    client = Client(guard=Guard(read_only=False, deletes=False))
    client.world.push_image()
    before = _content(client.world)
    answer = client(method, target)
    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    assert _content(client.world) == before


def test_an_upload_can_be_cancelled_although_deletes_are_switched_off() -> None:
    client = Client(guard=Guard(read_only=False, deletes=False))
    location = client("POST", "/v2/library/app/blobs/uploads/").headers["location"]
    assert client("DELETE", location).status == 204


@pytest.mark.parametrize(("method", "target"), _rows(changes=False))
def test_reading_writes_nothing(method: str, target: str) -> None:
    client = Client(guard=Guard(read_only=True, deletes=False))
    client.world.push_image()
    before = _content(client.world)
    assert client(method, target).status < 500
    referrers = "docker/registry/v2/repositories/library/app/_referrers/_scanned"
    assert {path for path, data in _content(client.world).items() if before.get(path) != data} <= {referrers}


def test_the_ping_says_which_api_this_is() -> None:
    answer = Client()("GET", "/v2/")
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


def test_the_root_answers_load_balancers() -> None:
    answer = Client()("GET", "/")
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, b"", "no-cache")


@pytest.mark.parametrize("target", ["/v1/_ping", "/v2", "/v2//", "//evil/v2", "/x", "/v2/a", "/v2/a/manifests", "/v3/"])
def test_nothing_is_ever_redirected(target: str) -> None:
    """Klein's defaults answer `/v2` with a redirect to whatever the Host header says."""
    answer = Client()("GET", target, host="evil.example")
    assert answer.status in (200, 404)
    assert "location" not in answer.headers


def test_an_unknown_path_and_a_wrong_method_have_the_specifications_body() -> None:
    client = Client()
    assert client("GET", "/nowhere").code == "UNSUPPORTED"
    answer = client("POST", "/v2/")
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "UNSUPPORTED", "GET, HEAD")


@pytest.mark.parametrize(
    "name", ["UPPER", "a//b", "..", "a/../b", "a/", "-a", "a_", "a..b", "ü", "a\\b", "a%00b", "%2e%2e", "a" * 256]
)
@pytest.mark.parametrize("rest", ["manifests/x", "tags/list", f"blobs/{Digest.of(b'x')}", "blobs/uploads/"])
def test_a_name_outside_of_the_grammar_is_refused(name: str, rest: str) -> None:
    client = Client()
    method = "POST" if rest.endswith("uploads/") else "GET"
    answer = client(method, f"/v2/{name}/{rest}")
    assert (answer.status, answer.code) in ((400, "NAME_INVALID"), (404, "UNSUPPORTED"))
    assert _content(client.world) == {}


@pytest.mark.parametrize(
    ("target", "method"),
    [
        ("/v2/a/tags/list/tags/list", "GET"),
        ("/v2/a/manifests/manifests/b", "GET"),
        ("/v2/a/blobs/uploads/b/manifests/c", "GET"),
    ],
)
def test_a_repository_may_be_called_as_endpoints_are(target: str, method: str) -> None:
    assert Client()(method, target).status == 404


def test_configured_headers_are_on_every_answer() -> None:
    client = Client(headers=((b"X-Content-Type-Options", b"nosniff"),))
    for target in ("/v2/", "/nowhere", "/v2/A/manifests/x"):
        assert client("GET", target).headers["x-content-type-options"] == "nosniff"


def test_everything_lives_under_the_prefix() -> None:
    client = Client(urls=URLs(prefix="/registry/"))
    assert client("GET", "/registry/v2/").status == 200
    assert client("GET", "/v2/").status == 404
    location = client("POST", "/registry/v2/a/blobs/uploads/").headers["location"]
    assert location.startswith("/registry/v2/a/blobs/uploads/")
    assert client("GET", location).status == 204


def _location(client: Client, **headers: str) -> str:
    return client("POST", "/v2/a/blobs/uploads/", **headers).headers["location"]


def test_a_location_is_relative_and_believes_no_forwarded_header() -> None:
    location = _location(Client(), host="registry.example", x_forwarded_host="evil.example", x_forwarded_proto="https")
    assert location.startswith("/v2/a/blobs/uploads/")


def test_a_location_is_absolute_for_a_configured_host() -> None:
    client = Client(urls=URLs(host="https://registry.example"))
    assert _location(client, host="inner:5000").startswith("https://registry.example/v2/a/")


def test_relative_urls_win_over_a_configured_host() -> None:
    client = Client(urls=URLs(host="https://registry.example", relative=True))
    assert _location(client).startswith("/v2/a/")


@pytest.mark.parametrize(
    ("version", "absolute"), [("1.6.2", True), ("1.7.0", True), ("1.8.1", False), ("1.70", False), ("28.2", False)]
)
def test_old_docker_gets_an_absolute_location(version: str, absolute: bool) -> None:
    location = _location(Client(), host="localhost:5000", user_agent=f"docker/{version} go/go1.4")
    assert location.startswith("http://localhost:5000/v2/" if absolute else "/v2/")


def test_a_host_header_that_is_none_is_not_given_back() -> None:
    location = _location(Client(), host='evil"><x', user_agent="docker/1.6.2")
    assert location.startswith("/v2/a/")
