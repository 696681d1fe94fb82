"""A registry in the foreground, from its start to its end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, cast

from twisted.logger import globalLogBeginner

from txregistry.config.load import Loaded
from txregistry.daemon import startup
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.service import run_service

_STDOUT = 1


def serve(reactor: Any, loaded: Loaded, environ: Mapping[str, str]) -> int:
    """Serve until a signal comes; return 0, or 1 where it cannot start. The type of Twisted's reactor is a module."""
    reactor = cast(IReactor, reactor)
    # What is printed by mistake shall not become a log line: only our own log goes this way.
    observer = startup.foreground_observer(loaded.configuration.log, environ)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    try:
        service = startup.prepare(reactor, loaded, _STDOUT, environ, observer)
    except startup.START_PROBLEMS as problem:
        print(startup.explain(problem), file=sys.stderr)
        return 1
    run_service(reactor, service)
    return 1 if service.failed else 0
