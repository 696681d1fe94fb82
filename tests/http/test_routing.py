from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import pytest
from klein import Klein
from twisted.internet.defer import Deferred
from werkzeug.exceptions import MethodNotAllowed, NotFound

from txregistry.http.body import RequestBody
from txregistry.http.headers import Headers
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.routing import Match, Router

Function = TypeVar("Function", bound=Callable[..., Any])


class Site:
    """Routes as an application declares them."""

    app = Klein()
    app.url_map.strict_slashes = False
    # Klein's types are those of its own requests and answers.
    route = cast(Callable[..., Callable[[Function], Function]], app.route)
    waiting: Deferred[None]

    @route("/things/<path:name>", methods=["GET"])
    async def thing(self, request: Request, name: str) -> Response:
        return Response(200, (), name.encode())

    @route("/things/<path:name>", methods=["PUT"])
    async def put_thing(self, request: Request, name: str) -> Response:
        await self.waiting
        return Response(201, (), name.encode())

    @route("/bug")
    async def bug(self, request: Request) -> Response:
        raise ZeroDivisionError

    @route("/plain")
    def plain(self, request: Request) -> Response:
        return Response(204)


def request(method: str, path: str) -> Request:
    return Request(method, path, "", path, Headers(), RequestBody(0), "1.1", False, "", 0.0)


def test_a_path_is_matched_to_a_handler_and_its_arguments() -> None:
    assert Router(Site().app).match("GET", "/things/a/b") == Match("thing", {"name": "a/b"})


def test_head_is_matched_where_get_is() -> None:
    assert Router(Site().app).match("HEAD", "/things/a").endpoint == "thing"


def test_an_unknown_path_is_not_found() -> None:
    with pytest.raises(NotFound):
        Router(Site().app).match("GET", "/nothing")


def test_a_known_path_tells_its_methods() -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        Router(Site().app).match("DELETE", "/things/a")
    assert set(refused.value.valid_methods or ()) == {"GET", "HEAD", "PUT"}


@pytest.mark.parametrize("path", ["/things//a", "//things/a", "/things/a//b"])
def test_a_path_is_never_redirected_to_another_spelling(path: str) -> None:
    router = Router(Site().app)
    try:
        match = router.match("GET", path)
    except NotFound:
        return
    assert match.arguments["name"] == path.removeprefix("/things/")


def test_arguments_are_prepared_once_for_a_path() -> None:
    prepared: list[str] = []

    def prepare(endpoint: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        prepared.append(endpoint)
        return {"name": arguments["name"].upper()}

    router = Router(Site().app, prepare)
    first, second = router.match("GET", "/things/a"), router.match("GET", "/things/a")
    assert first is second
    assert first.arguments == {"name": "A"}
    assert prepared == ["thing"]


def test_a_path_whose_arguments_are_refused_is_not_kept() -> None:
    tries: list[str] = []

    def prepare(endpoint: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        tries.append(endpoint)
        raise ValueError(arguments["name"])

    router = Router(Site().app, prepare)
    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            router.match("GET", "/things/a")
    assert tries == ["thing", "thing"]


def test_the_cache_is_bounded_and_the_oldest_entry_goes() -> None:
    router = Router(Site().app, size=2)
    matches = [router.match("GET", f"/things/{name}") for name in "abc"]
    assert router.match("GET", "/things/c") is matches[2]
    assert router.match("GET", "/things/b") is matches[1]
    assert router.match("GET", "/things/a") is not matches[0]


def test_a_coroutine_that_never_waits_answers_at_once() -> None:
    router = Router(Site().app)
    answer = router.execute(router.match("GET", "/things/a"), request("GET", "/things/a"))
    assert answer == Response(200, (), b"a")


def test_a_plain_function_answers_at_once() -> None:
    router = Router(Site().app)
    assert router.execute(router.match("GET", "/plain"), request("GET", "/plain")) == Response(204)


def test_a_coroutine_that_waits_answers_later() -> None:
    site = Site()
    site.waiting = Deferred()
    router = Router(site.app)
    answer = router.execute(router.match("PUT", "/things/a"), request("PUT", "/things/a"))
    assert isinstance(answer, Deferred)
    answers: list[Response] = []
    answer.addCallback(answers.append)
    assert answers == []
    site.waiting.callback(None)
    assert answers == [Response(201, (), b"a")]


def test_what_a_coroutine_raises_is_raised_and_not_logged_as_unhandled(logged: list[str]) -> None:
    router = Router(Site().app)
    with pytest.raises(ZeroDivisionError):
        router.execute(router.match("GET", "/bug"), request("GET", "/bug"))
    gc.collect()
    assert logged == []
