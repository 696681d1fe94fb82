"""The token server, for clients; and the access tokens of whoever has signed in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

from attrs import frozen
from werkzeug.exceptions import NotFound

from txregistry.api.guard import grant_of
from txregistry.api.responses import empty_response, json_response
from txregistry.auth.basic import Accounts
from txregistry.auth.challenges import basic_credentials
from txregistry.auth.errors import BadTokenRequest
from txregistry.auth.interfaces import Credentials
from txregistry.auth.machinetokens import MachineToken, MachineTokens, TokenScope
from txregistry.http.headers import Field
from txregistry.http.request import Request
from txregistry.http.response import Response

if TYPE_CHECKING:
    # Its signatures are the library's that few servers need.
    from txregistry.auth.tokenserver import Issued, TokenServer

_LONGEST_BODY = 64 * 1024
_MOST_FIELDS = 200
# RFC 6749 §5.1: the server MUST include it in any response that contains tokens.
_NO_STORE: Sequence[Field] = ((b"Cache-Control", b"no-store"),)


@frozen
class TokenServices:
    """What the handlers below call, and where the token server is, below the prefix."""

    path: str
    server: TokenServer
    machines: MachineTokens
    accounts: Accounts


class TokenServerHandlers:
    """The Docker token protocol; without services there is nothing here."""

    def __init__(self, services: TokenServices | None) -> None:
        self._services = services

    async def token(self, request: Request) -> Response:
        """Docker's own form: Basic credentials or none, and the wishes in the query."""
        arguments = request.arguments()
        credentials = Credentials(
            request.headers.text(b"authorization"),
            request.peer,
            request.client_certificate,
            request.headers.text(b"host"),
        )
        scopes, service = arguments.get("scope", []), _last(arguments, "service")
        offline = _last(arguments, "offline_token") in ("true", "1")
        issued = await _offered(self._services).server.issue(credentials, scopes, service, offline)
        return json_response(200, {"token": issued.token, **_described(issued)}, _NO_STORE)

    async def exchange(self, request: Request) -> Response:
        """The form of OAuth 2 (RFC 6749 §4.3 and §6)."""
        server = _offered(self._services).server
        form = _form(await request.body.read(_LONGEST_BODY))
        scopes, service = form.get("scope", []), _last(form, "service")
        kind = _last(form, "grant_type")
        if kind == "refresh_token":
            issued = await server.exchange(_last(form, "refresh_token"), scopes, service)
        elif kind == "password":
            credentials = basic_credentials(_last(form, "username"), _last(form, "password"), request.peer)
            issued = await server.issue(credentials, scopes, service, _last(form, "access_type") == "offline")
        else:
            raise BadTokenRequest("grant_type has to be password or refresh_token")
        return json_response(200, {**_described(issued), "scope": issued.scope}, _NO_STORE)


class MachineTokenHandlers:
    """The access tokens of whoever asks; without services there are none."""

    def __init__(self, services: TokenServices | None) -> None:
        self._services = services

    async def create(self, request: Request) -> Response:
        """Of `{"name": …, "scopes": ["library/**:pull"], "expires_in": SECONDS}`; its secret is told this once."""
        services, user = _offered(self._services), _user(request)
        if await services.accounts.stamp(user) is None:
            # Whom a certificate names, for one: a token without an account would never count.
            raise BadTokenRequest("only users of the password file have access tokens")
        document = _document(await request.body.read(_LONGEST_BODY))
        name, scopes, seconds = document.get("name"), document.get("scopes"), document.get("expires_in")
        if not isinstance(name, str) or not isinstance(scopes, list) or not all(isinstance(one, str) for one in scopes):
            raise BadTokenRequest("a token needs a name and a list of scopes")
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            raise BadTokenRequest("a token needs expires_in, in seconds")
        parsed = [TokenScope.parse(text) for text in scopes]
        token, secret = await services.machines.create(user, name, parsed, seconds)
        return json_response(201, {**_listed(token), "token": secret}, _NO_STORE)

    async def list(self, request: Request) -> Response:
        """All of them, without their secrets."""
        found = await _offered(self._services).machines.of(_user(request))
        return json_response(200, {"tokens": [_listed(token) for token in found]})

    async def revoke(self, request: Request, token: str) -> Response:
        """By its id; those of others are not found."""
        machines = _offered(self._services).machines
        found = await machines.get(token)
        if found is None or found.user != _user(request):
            raise NotFound()
        await machines.revoke(found)
        return empty_response(204)


def _offered(services: TokenServices | None) -> TokenServices:
    if services is None:
        raise NotFound()
    return services


def _user(request: Request) -> str:
    """The door lets nobody come here who has no name; without a door there are no tokens."""
    grant = grant_of(request)
    assert grant is not None and grant.user is not None
    return grant.user


def _described(issued: Issued) -> dict[str, object]:
    described: dict[str, object] = {
        "access_token": issued.token,
        "expires_in": issued.seconds,
        "issued_at": _moment(issued.issued_at),
    }
    if issued.refresh_token is not None:
        described["refresh_token"] = issued.refresh_token
    return described


def _listed(token: MachineToken) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": [str(scope) for scope in token.scopes],
        "created": _moment(token.created),
        "expires": _moment(token.expires),
    }


def _moment(seconds: float) -> str:
    """RFC 3339, in whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _form(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise BadTokenRequest("the body is no form") from None


def _last(arguments: dict[str, list[str]], name: str) -> str:
    return arguments.get(name, [""])[-1]


def _document(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadTokenRequest("the body is no JSON object")
    return cast("dict[str, object]", document)
