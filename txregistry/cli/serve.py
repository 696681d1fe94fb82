"""`txregistry serve`: the registry in the foreground."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

from txregistry.config.load import find_configuration, load_configuration
from txregistry.config.model import Configuration
from txregistry.config.problems import ConfigurationError


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("serve", help="run the registry in the foreground")
    parser.add_argument(
        "config", nargs="?", metavar="CONFIG", help="the file; without it the standard places are searched"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until a signal comes; return 0, or 1 where it cannot start."""
    try:
        loaded = load_configuration(find_configuration(arguments.config, environ), environ)
    except ConfigurationError as problem:
        from txregistry.daemon.startup import explain

        print(explain(problem), file=sys.stderr)
        return 1
    with nullcontext() if needs_openssl(loaded.configuration) else without_openssl():
        from twisted.internet import reactor

        from txregistry.cli.foreground import serve
    return serve(reactor, loaded, environ)


def needs_openssl(configuration: Configuration) -> bool:
    """Whether TLS is spoken to clients, or to a server that signs tokens."""
    return configuration.http.tls is not None or configuration.auth.token is not None


@contextmanager
def without_openssl() -> Iterator[None]:
    """Let what is imported meanwhile do without OpenSSL, unless it is in memory already.

    Twisted's reactors, endpoints and web server import it wherever it is installed, and may then speak TLS: that is
    12 MiB of 65. Whoever needs other parts of it later, such as signatures, can still import it.
    """
    if "OpenSSL" in sys.modules:
        yield
        return
    # With None in its place, to import it fails as if it were not installed.
    sys.modules["OpenSSL"] = None  # type: ignore[assignment]  # typeshed knows modules alone
    try:
        yield
    finally:
        del sys.modules["OpenSSL"]
