"""`txregistry garbage-collect`: remove what nobody needs now, with a server running or without."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping

from attrs import define, evolve, frozen
from twisted.internet.interfaces import IReactorTime

from txregistry.cli.progress import INTERVAL, Bar, bar_for
from txregistry.cli.store import CannotOpen, OpenStore, load, run_on_store, tell
from txregistry.cli.summary import summary
from txregistry.config.durations import BadDuration, format_duration, parse_duration
from txregistry.registry.collection.adoption import Adoption
from txregistry.registry.collection.limits import Limits
from txregistry.registry.collection.report import Report
from txregistry.registry.collection.repository import ManifestUnreadable
from txregistry.registry.collection.schedule import limits_of
from txregistry.registry.servers import ServerCame, Servers
from txregistry.storage.errors import Locked

_FOREIGN = (
    "Another registry made this store, so nothing was removed. When no other registry writes to it any more, say "
    "`txregistry adopt CONFIG`."
)


# How finely each half of the work is told.
_PARTS = 1000


@frozen
class Options:
    """What was asked for; times in seconds, None for the usual ones."""

    dry_run: bool = False
    delete_untagged: bool = False
    quiet: bool = False
    grace: float | None = None
    trash: float | None = None


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "garbage-collect",
        help="remove what no manifest names",
        description="Remove what no manifest names. While a server serves the store, what is young is left alone and "
        "what is removed waits in the trash, as configured; otherwise everything goes at once.",
    )
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="the file; by default the one that serve finds")
    parser.add_argument("-d", "--dry-run", action="store_true", help="only tell what would be removed")
    parser.add_argument("-m", "--delete-untagged", action="store_true", help="also remove manifests without a tag")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.add_argument("--grace", type=_duration, metavar="TIME", help="leave alone what is younger, such as 1h30m")
    parser.add_argument("--trash", type=_duration, metavar="TIME", help="keep what is removed for so long")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Collect once; return 0, or 1 where that cannot be done."""
    options = Options(arguments.dry_run, arguments.delete_untagged, arguments.quiet, arguments.grace, arguments.trash)
    try:
        return run_on_store(load(arguments.config, environ), lambda store: garbage_collect(store, options))
    except CannotOpen as problem:
        return tell(problem)


async def garbage_collect(store: OpenStore, options: Options) -> int:
    """The same on a store that is open."""
    bar = _Shown(store.clock, None if options.quiet else bar_for(sys.stderr, store.clock.seconds, False))
    try:
        ours = store.configuration.txregistry.collection.enabled is True or await Adoption(store.driver).is_ours()
        report = await _collect(store, evolve(options, dry_run=options.dry_run or not ours), bar)
    except TooShort as problem:
        return tell(problem)
    except Locked:
        return tell("another collection is running")
    except ManifestUnreadable as problem:
        return tell(
            f"the manifest {problem.digest} in {problem.name} cannot be read, so nobody knows what it keeps: "
            "push it again, or delete it by its digest"
        )
    finally:
        bar.clear()
    if not options.quiet:
        print(summary(report))
        if not ours:
            print(_FOREIGN)
    return 0


class TooShort(Exception):
    """A grace that would take something from a client of the server that is running."""

    def __init__(self, option: str, given: float, configured: float) -> None:
        super().__init__(option, given, configured)
        self.option, self.given, self.configured = option, given, configured

    def __str__(self) -> str:
        return (
            f"{self.option} {format_duration(self.given)} is not safe while a server serves this store, whose clients "
            f"count on {format_duration(self.configured)}: stop it first"
        )


@define
class _Shown:
    """What a terminal shows of a run: half of it is marking, half sweeping."""

    _clock: IReactorTime
    _bar: Bar | None
    repositories: int = 0
    _next: float = 0.0

    def show(self, report: Report) -> None:
        """As far as the report says."""
        if self._bar is None or self._clock.seconds() < self._next:
            return
        self._next = self._clock.seconds() + INTERVAL
        self._bar.total, self._bar.bytes_done = 2 * _PARTS, False
        marked = min(1.0, report.repositories / self.repositories) if self.repositories else 1.0
        words = f"{report.repositories} of {self.repositories} repositories, {report.blobs} blobs"
        self._bar.draw(words, round((marked + report.swept) * _PARTS))

    def clear(self) -> None:
        """Nothing any more."""
        if self._bar is not None:
            self._bar.clear()


async def _collect(store: OpenStore, options: Options, bar: _Shown) -> Report:
    servers = Servers(store.driver, store.clock)
    alone = await servers.keep_away()
    if alone is not None:
        limits = Limits(
            options.grace or 0.0, options.trash or 0.0, options.delete_untagged, options.dry_run, hurried=True
        )
        try:
            return await _run(store, _untagged(store, limits), bar, servers.watch)
        except ServerCame:
            print("A server has started: what is young stays, and what goes waits in the trash.", file=sys.stderr)
        finally:
            alone.release()
    return await _run(store, _limits_beside_a_server(store, options), bar)


def _limits_beside_a_server(store: OpenStore, options: Options) -> Limits:
    configured = limits_of(store.configuration.txregistry.collection)
    for option, given, least in (
        ("--grace", options.grace, configured.grace),
        ("--trash", options.trash, configured.trash),
    ):
        if given is not None and given < least:
            raise TooShort(option, given, least)
    return _untagged(
        store,
        evolve(
            configured,
            grace=configured.grace if options.grace is None else options.grace,
            trash=configured.trash if options.trash is None else options.trash,
            delete_untagged=options.delete_untagged,
            dry_run=options.dry_run,
        ),
    )


def _untagged(store: OpenStore, limits: Limits) -> Limits:
    """What goes by itself once an hour also goes by hand."""
    return evolve(
        limits, delete_untagged=limits.delete_untagged or store.configuration.txregistry.collection.deleteuntagged
    )


async def _nothing() -> None:
    """Graces hold, so nobody has to be watched for."""


async def _run(
    store: OpenStore, limits: Limits, bar: _Shown, watch: Callable[[], Awaitable[None]] = _nothing
) -> Report:
    bar.repositories = 0
    async for _ in store.registry.catalog.names():
        bar.repositories += 1
    return await store.registry.collector.run(limits, bar.show, watch)


def _duration(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except BadDuration:
        raise argparse.ArgumentTypeError(f"not a duration such as 30s or 1h30m: {text}") from None
    if seconds < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return seconds
