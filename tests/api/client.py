"""Asks the application as the HTTP server does, without a socket: a request value in, an answer out."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from zope.interface import implementer

from tests.registry.world import World, now
from txregistry.api.application import RegistryApplication, Settings
from txregistry.api.guard import Guard
from txregistry.api.urls import URLs
from txregistry.http.body import RequestBody
from txregistry.http.headers import Headers
from txregistry.http.request import Request
from txregistry.http.response import Response


@frozen
class Answer:
    """Status, the last value of each header in lower case, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes
    response: Response

    @property
    def document(self) -> Any:
        """The JSON body."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the one error."""
        (error,) = self.document["errors"]
        return str(error["code"])


@implementer(IConsumer)
class Collector:
    """Takes a body to its end."""

    def __init__(self) -> None:
        self.data = b""
        self._producer: IPushProducer | None = None

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Push producers only."""
        assert streaming

    def unregisterProducer(self) -> None:
        """All is here."""

    def write(self, data: bytes) -> None:
        """Some of it."""
        self.data += data


class Client:
    """Speaks to one application over a world's registry."""

    def __init__(self, world: World | None = None, **settings: Any) -> None:
        self.world = World() if world is None else world
        chosen = {
            "urls": URLs(),
            "guard": Guard(read_only=False, deletes=True),
            "headers": (),
            "catalog_most": 1000,
            "tags_most": 1000,
            **settings,
        }
        self.application = RegistryApplication(self.world.registry, Settings(**chosen))

    def __call__(self, method: str, target: str, body: bytes = b"", /, **headers: str) -> Answer:
        """Header names are given with `_` for `-`."""
        return now(self.start(method, target, body, **headers))

    def start(self, method: str, target: str, body: bytes = b"", /, **headers: str) -> Deferred[Answer]:
        """The same, for an answer that may have to wait for something."""
        path, _, query = target.partition("?")
        content = RequestBody(len(body))
        content.feed(body)
        content.complete = True
        fields = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
        request = Request(
            method, unquote(path), query, target, Headers(fields), content, "1.1", False, "127.0.0.1", 0.0
        )
        answer = self.application.handle(request)
        waiting = answer if isinstance(answer, Deferred) else succeed(answer)
        return waiting.addCallback(lambda response: self._answer(method, response))

    def _answer(self, method: str, response: Response) -> Answer:
        fields = (*self.application.headers, *response.headers)
        headers = {name.decode().lower(): value.decode() for name, value in fields}
        if isinstance(response.body, bytes):
            body = response.body
        else:
            collector = Collector()
            assert method == "HEAD" or now(response.body.start(collector)) is None
            assert len(collector.data) == response.body.length
            response.body.close()
            body = collector.data
        length = len(body) if response.length is None else response.length
        headers["content-length"] = str(length)
        return Answer(response.status, headers, body, response)
