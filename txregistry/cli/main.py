"""The command `txregistry`: which subcommand is meant, and the status it ends with."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from txregistry.cli import access, adopt, check_config, fsck, garbage_collect, htpasswd, repository, serve, token


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 for success, 1 for failure, 2 for wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parsed = parser().parse_args(with_command(given))
    status: int = parsed.run(parsed, os.environ)
    return status


def with_command(arguments: Sequence[str]) -> list[str]:
    """A configuration file in place of a command means to serve it, as with the image of Distribution 2."""
    if arguments and arguments[0].endswith((".yml", ".yaml")):
        return ["serve", *arguments]
    return list(arguments)


def parser() -> argparse.ArgumentParser:
    """The options of all commands."""
    whole = argparse.ArgumentParser(prog="txregistry", description="A container registry.")
    whole.add_argument("-v", "--version", action="version", version=f"txregistry {_version()}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (serve, check_config, garbage_collect, fsck, repository, adopt, htpasswd, token, access):
        command.add_to(commands)
    return whole


def _version() -> str:
    try:
        return version("txregistry")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
