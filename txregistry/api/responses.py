"""Answers that more than one endpoint gives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from txregistry.http.headers import Field
from txregistry.http.response import Response

JSON = (b"Content-Type", b"application/json")


def json_response(status: int, document: Any, headers: Sequence[Field] = ()) -> Response:
    """A JSON document, compact."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return Response(status, (JSON, *headers), body)


def empty_response(status: int, headers: Sequence[Field] = ()) -> Response:
    """No body; Distribution writes the length out, and old clients count on it."""
    return Response(status, headers)


def text_field(name: bytes, value: object) -> Field:
    """A header field whose value is plain ASCII."""
    return name, str(value).encode("ascii")
