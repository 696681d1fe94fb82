"""Requests written byte for byte, for what no proper client would send."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.live.support.client import Answer


def head(method: str, target: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A request line and headers; the target may be a whole URL, as in a Location."""
    parts = urlsplit(target)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    """The next response on the connection; raise what http.client does when there is none."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return Answer(response.status, response.headers, response.read())


def partial_upload(connection: socket.socket, upload: str, content: bytes, sent: int) -> None:
    """Announce all of the content in a PATCH, and send its first bytes alone."""
    announced = {"Content-Length": str(len(content)), "Content-Type": "application/octet-stream"}
    connection.sendall(head("PATCH", upload, announced) + content[:sent])
