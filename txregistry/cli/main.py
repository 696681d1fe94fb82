"""The command `txregistry`: which subcommand is meant, and the status it ends with."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

# Each is a module here.
_COMMANDS = (
    "serve",
    "check-config",
    "garbage-collect",
    "fsck",
    "repository",
    "adopt",
    "htpasswd",
    "token",
    "access",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 for success, 1 for failure, 2 for wrong usage."""
    given = with_command(list(sys.argv[1:] if arguments is None else arguments))
    parsed = parser(given[:1]).parse_args(given)
    status: int = parsed.run(parsed, os.environ)
    return status


def with_command(arguments: Sequence[str]) -> list[str]:
    """A configuration file in place of a command means to serve it, as with the image of Distribution 2."""
    if arguments and arguments[0].endswith((".yml", ".yaml")):
        return ["serve", *arguments]
    return list(arguments)


def parser(asked: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The options of all commands, or of the one that is asked for: a server has no use for the others' modules."""
    whole = argparse.ArgumentParser(prog="txregistry", description="A container registry.")
    whole.add_argument("-v", "--version", action=_Version, nargs=0, help="show the version and exit")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in [command for command in _COMMANDS if command in asked] or _COMMANDS:
        import_module(f"txregistry.cli.{command.replace('-', '_')}").add_to(commands)
    return whole


class _Version(argparse.Action):
    """Looked up only when asked for: what reads the metadata of packages is large."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            told = version("txregistry")
        except PackageNotFoundError:
            told = "(not installed)"
        print(f"txregistry {told}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
