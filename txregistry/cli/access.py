"""`txregistry access explain`: which rule allows or forbids something, and to whom it gives the right."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from txregistry.auth.interfaces import ANONYMOUS, Action, Identity
from txregistry.auth.rules import AccessRules
from txregistry.config.load import load_configuration
from txregistry.config.problems import ConfigurationError
from txregistry.oci.errors import NameInvalid
from txregistry.oci.names import RepositoryName

_ANONYMOUS = "-"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    access = commands.add_parser("access", help="who may do what").add_subparsers(metavar="COMMAND", required=True)
    parser = access.add_parser("explain", help="tell which rule decides")
    parser.add_argument("config", metavar="CONFIG")
    parser.add_argument("user", metavar="USER", help=f"{_ANONYMOUS} for whoever has not signed in")
    parser.add_argument("repository", metavar="REPOSITORY")
    parser.add_argument("action", metavar="ACTION", choices=[action.value for action in Action])
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="GROUP",
        help="one that a directory or a certificate gives to the user, beside those in the configuration",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the answer; return 0 where it is allowed, 1 where it is not, 2 where nothing can be said."""
    try:
        configuration = load_configuration(arguments.config, environ).configuration
        RepositoryName.parse(arguments.repository)
    except ConfigurationError as error:
        print("\n".join(f"error: {problem}" for problem in error.problems), file=sys.stderr)
        return 2
    except NameInvalid:
        print(f"error: {arguments.repository} is no name of a repository", file=sys.stderr)
        return 2
    access = configuration.txregistry.access
    identity = (
        ANONYMOUS if arguments.user == _ANONYMOUS else Identity(arguments.user, groups=frozenset(arguments.group))
    )
    if access is None:
        allowed = not configuration.asks_who or identity is not ANONYMOUS
        print(f"{'allowed' if allowed else 'denied'}: there are no rules, so whoever is let in may do everything")
        return 0 if allowed else 1
    reason = AccessRules(access).reason(identity, arguments.repository, Action(arguments.action))
    rule = "no pattern matches" if reason.pattern is None else f"the pattern {reason.pattern} decides"
    if reason.holders:
        print(f"allowed: {rule}; the right is that of {', '.join(reason.holders)}")
        return 0
    print(f"denied: {rule}" + ("" if reason.pattern is None else ", and gives no such right"))
    return 1
