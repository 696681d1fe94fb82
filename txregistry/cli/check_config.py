"""`txregistry check-config`: everything that is wrong or doubtful in a configuration, without serving it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from txregistry.config.load import find_configuration, load_configuration
from txregistry.config.problems import ConfigurationError


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("check-config", help="tell all mistakes of a configuration, with path and line")
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="the file; by default the one that serve finds")
    parser.add_argument("--strict", action="store_true", help="fail on warnings too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print a line for each problem on standard error; return 0 when there is none that fails, else 1."""
    path = find_configuration(arguments.config, environ)
    try:
        loaded = load_configuration(path, environ)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 1
    for problem in loaded.warnings:
        print(f"warning: {problem}", file=sys.stderr)
    if loaded.warnings and arguments.strict:
        return 1
    print(f"{loaded.source}: good")
    return 0
