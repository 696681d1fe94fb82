"""`txregistry token`: make, list and revoke access tokens for machines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime

from txregistry.auth.errors import BadTokenRequest
from txregistry.auth.machinetokens import MachineToken, TokenScope
from txregistry.auth.passwords import read_passwords
from txregistry.cli.store import CannotOpen, OpenStore, load, run_on_store, tell
from txregistry.config.durations import BadDuration, parse_duration
from txregistry.config.model import Configuration
from txregistry.daemon.tokens import machine_tokens


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("token", help="make, list and revoke access tokens for machines")
    what = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = what.add_parser(
        "create",
        help="make one, and print its secret",
        description="Make an access token for a user of the password file. It is printed this once, and counts at once "
        "on every server of the store.",
    )
    create.add_argument("config", metavar="CONFIG")
    create.add_argument("name", metavar="NAME", help="what the user calls it, such as ci")
    create.add_argument("--user", required=True, help="whose rights it has, as far as the scopes go")
    create.add_argument(
        "--scope",
        required=True,
        action="append",
        metavar="PATTERN:ACTIONS",
        help="repositories and what may be done there, such as 'library/**:pull,push'; may be given more than once",
    )
    create.add_argument("--expires", default="2160h", metavar="DURATION", help="how long it lasts (default: 2160h)")
    create.set_defaults(run=run, work=create_token)
    listing = what.add_parser("list", help="list those that count, without their secrets")
    listing.add_argument("config", metavar="CONFIG")
    listing.add_argument("--user", help="only those of this user")
    listing.set_defaults(run=run, work=list_tokens)
    revoke = what.add_parser("revoke", help="let one count no more")
    revoke.add_argument("config", metavar="CONFIG")
    revoke.add_argument("token", metavar="ID", help="as it is listed")
    revoke.set_defaults(run=run, work=revoke_token)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do it; return 0, or 1 where it is not done."""
    try:
        configuration = load(arguments.config, environ)
        if configuration.txregistry.tokens is None:
            return tell("access tokens are not switched on (txregistry.tokens)")
        return run_on_store(configuration, lambda store: arguments.work(store, arguments))
    except CannotOpen as problem:
        return tell(problem)


async def create_token(store: OpenStore, arguments: argparse.Namespace) -> int:
    """Print the secret alone, for a script to take it."""
    try:
        if not _has_account(store.configuration, arguments.user):
            return tell(f"there is no user {arguments.user} in the password file")
        scopes = [TokenScope.parse(text) for text in arguments.scope]
        seconds = parse_duration(arguments.expires)
        _, secret = await machine_tokens(store.driver).create(arguments.user, arguments.name, scopes, seconds)
    except BadTokenRequest as problem:
        return tell(problem.reason)
    except BadDuration as problem:
        return tell(f"not a duration: {problem.text}")
    except OSError as problem:
        return tell(f"the password file cannot be read: {problem}")
    print(secret)
    return 0


async def list_tokens(store: OpenStore, arguments: argparse.Namespace) -> int:
    """A line each: id, user, name, when it expires, scopes."""
    for token in await machine_tokens(store.driver).all():
        if arguments.user in (None, token.user):
            print(_line(token))
    return 0


async def revoke_token(store: OpenStore, arguments: argparse.Namespace) -> int:
    """By its id."""
    machines = machine_tokens(store.driver)
    token = await machines.get(arguments.token)
    if token is None:
        return tell(f"there is no token {arguments.token}")
    await machines.revoke(token)
    print(f"Revoked {token.name} of {token.user}.")
    return 0


def _has_account(configuration: Configuration, user: str) -> bool:
    htpasswd = configuration.auth.htpasswd
    return htpasswd is not None and user in read_passwords(htpasswd.path).hashes


def _line(token: MachineToken) -> str:
    expires = datetime.fromtimestamp(token.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "  ".join((token.id, token.user, token.name, expires, *(str(scope) for scope in token.scopes)))
