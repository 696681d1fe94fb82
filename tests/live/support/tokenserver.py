"""A token server that is not ours: the Docker token protocol in a few lines, signed by `cryptography`."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from tests.auth.tokens import ISSUER, SERVICE, claims, issue, token
from txregistry.auth.keys import libtrust_id


class TokenServer:
    """Gives users what they ask for and everybody else pulling; a context manager."""

    def __init__(self, users: Mapping[str, str], folder: Path) -> None:
        self.users = users
        self.asked: list[tuple[str | None, list[str]]] = []
        self.given: list[str] = []
        self._key = ec.generate_private_key(ec.SECP256R1())
        # As registry:2 looks for it.
        self._kid = libtrust_id(self._key.public_key())
        self._bundle = folder / "bundle.pem"
        self._bundle.write_bytes(issue(self._key).pem)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def settings(self) -> dict[str, Any]:
        """The section `auth` that trusts it."""
        return {
            "token": {
                "realm": f"http://127.0.0.1:{self._server.server_address[1]}/token",
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(self._bundle),
            }
        }

    def answer(self, authorization: str | None, query: Mapping[str, list[str]]) -> str | None:
        """A token, or None for a wrong password."""
        user = None
        if authorization is not None:
            user, _, password = base64.b64decode(authorization.partition(" ")[2]).decode().partition(":")
            if self.users.get(user) != password:
                return None
        scopes = [scope for value in query.get("scope", ()) for scope in value.split()]
        self.asked.append((user, scopes))
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            granted = [action for action in actions.split(",") if user is not None or action == "pull"]
            access.append({"type": kind, "name": name, "actions": granted})
        signed = token({"alg": "ES256", "kid": self._kid}, claims(time.time(), sub=user, access=access), self._key)
        self.given.append(signed)
        return signed

    def __enter__(self) -> TokenServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(outer) -> type[BaseHTTPRequestHandler]:  # `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = outer.answer(self.headers.get("Authorization"), parse_qs(urlsplit(self.path).query))
                status = 401 if given is None else 200
                body = json.dumps({"token": given, "access_token": given, "expires_in": 300}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Nobody reads it."""

        return Handler
