"""`txregistry serve`: the registry in the foreground."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import cast

from twisted.logger import globalLogBeginner

from txregistry.daemon import startup
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.service import run_service

_STDOUT = 1


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("serve", help="run the registry in the foreground")
    parser.add_argument(
        "config", nargs="?", metavar="CONFIG", help="the file; without it the standard places are searched"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until a signal comes; return 0, or 1 where it cannot start."""
    from twisted.internet import reactor

    return serve(cast(IReactor, reactor), arguments.config, environ)


def serve(reactor: IReactor, config: str | None, environ: Mapping[str, str]) -> int:
    """The same with the reactor to run."""
    try:
        loaded = startup.load(config, environ)
        # What is printed by mistake shall not become a log line: only our own log goes this way.
        observer = startup.foreground_observer(loaded.configuration.log, environ)
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
        service = startup.prepare(reactor, loaded, _STDOUT, environ, observer)
    except startup.START_PROBLEMS as problem:
        print(startup.explain(problem), file=sys.stderr)
        return 1
    run_service(reactor, service)
    return 1 if service.failed else 0
