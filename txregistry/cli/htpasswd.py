"""`txregistry htpasswd`: make, replace and check the entries of a password file."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Mapping

from txregistry.auth.passwords import COST, LONGEST_PASSWORD, hash_password, matches, read_passwords, replace_entry


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("htpasswd", help="make, replace or check an entry of a password file")
    parser.add_argument("file", metavar="FILE", help="the file that auth.htpasswd.path names; made where there is none")
    parser.add_argument("user", metavar="USER")
    parser.add_argument("--check", action="store_true", help="only tell whether the password is the user's")
    parser.add_argument("--cost", type=int, default=COST, choices=range(4, 18), metavar="4..17", help="of bcrypt")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    """Take the password from standard input or, at a terminal, ask for it; return 0, or 1 where it is not done."""
    user: str = arguments.user
    if not user or ":" in user or not user.isprintable():
        return _failed("a user's name is printable and has no colon")
    try:
        password = _password(ask_twice=not arguments.check)
        if password is None:
            return _failed("the two passwords differ")
        if arguments.check:
            right = matches(password, read_passwords(arguments.file).hash_of(user))
            return 0 if right else _failed("wrong password, or no such user")
        if not 0 < len(password) <= LONGEST_PASSWORD:
            # bcrypt looks at no more; to take a longer one would promise more than it keeps.
            return _failed(f"a password has 1 to {LONGEST_PASSWORD} bytes")
        replace_entry(arguments.file, user, hash_password(password, arguments.cost))
    except OSError as error:
        return _failed(f"{arguments.file}: {error.strerror or error}")
    return 0


def _password(ask_twice: bool) -> bytes | None:
    if not sys.stdin.isatty():
        return sys.stdin.buffer.readline().rstrip(b"\r\n")
    first = os.fsencode(getpass.getpass("Password: "))
    return None if ask_twice and os.fsencode(getpass.getpass("Again: ")) != first else first


def _failed(reason: str) -> int:
    print(f"txregistry: {reason}", file=sys.stderr)
    return 1
