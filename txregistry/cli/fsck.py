"""`txregistry fsck`: what is damaged in a store, and what to do about it."""

from __future__ import annotations

import argparse
import os.path
import sys
from collections.abc import Mapping
from typing import TextIO, cast

from attrs import define
from twisted.internet.task import LoopingCall

from txregistry.cli.findings import as_json, as_text
from txregistry.cli.jobs import run_job
from txregistry.cli.progress import INTERVAL, Bar, bar_for
from txregistry.concurrency.workers import ThreadWorkers
from txregistry.config.load import find_configuration, load_configuration
from txregistry.config.model import Configuration, Filesystem
from txregistry.config.problems import ConfigurationError
from txregistry.daemon.interfaces import IReactor
from txregistry.registry.checking.checker import Checker
from txregistry.registry.checking.content import LANES
from txregistry.registry.checking.findings import Checked, Finding
from txregistry.storage.errors import StorageFailure
from txregistry.storage.filesystem.driver import FilesystemDriver

_MIB = 1024 * 1024
_CLEAN, _FOUND, _FAILED, _INTERRUPTED = 0, 1, 2, 130
# One for each blob that is read, and some for the links.
_THREADS = LANES + 2


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "fsck",
        help="read all content again and resolve every link",
        description="Safe beside a running server. Ends with 0 when all is well, 1 when something was found, and 2 "
        "when it could not look.",
    )
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="the file; by default the one that serve finds")
    parser.add_argument(
        "--repair",
        action="store_true",
        help="move what is damaged into a quarantine inside of the store, and file referrers again; deletes nothing",
    )
    parser.add_argument("--json", action="store_true", help="report as one JSON document")
    parser.add_argument("--quiet", action="store_true", help="no progress, and no report when all is well")
    parser.add_argument("--rate", type=_rate, metavar="MIB", help="read at most so many MiB in a second")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Check the configured store; return the exit status."""
    try:
        configuration = load_configuration(find_configuration(arguments.config, environ), environ).configuration
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return _FAILED
    refusal = _refusal(configuration, arguments.repair)
    if refusal is not None:
        print(f"txregistry fsck: {refusal}", file=sys.stderr)
        return _FAILED
    from twisted.internet import reactor

    colours = sys.stdout.isatty() and not environ.get("NO_COLOR")
    return fsck(cast(IReactor, reactor), configuration, arguments, sys.stdout, sys.stderr, colours)


def fsck(
    reactor: IReactor,
    configuration: Configuration,
    arguments: argparse.Namespace,
    stdout: TextIO,
    stderr: TextIO,
    colours: bool,
) -> int:
    """The same with the reactor to run, and where to write."""
    bar = bar_for(stderr, reactor.seconds, arguments.quiet)
    found: list[Finding] = []
    checked = Checked()
    rate = None if arguments.rate is None else arguments.rate * _MIB

    async def job(workers: ThreadWorkers) -> None:
        checker = checker_of(configuration, workers, reactor, rate)
        watch = _Watch(reactor, checked, bar)
        try:
            if bar is not None:
                watch.begin()
                bar.total = await checker.measure()
            await checker.run(found.append, arguments.repair, checked)
        finally:
            watch.end()

    try:
        run_job(reactor, _THREADS, job)
    except KeyboardInterrupt:
        print("txregistry fsck: interrupted", file=stderr)
        return _INTERRUPTED
    except StorageFailure as failure:
        print(f"txregistry fsck: cannot read {failure.path}: {failure.reason}", file=stderr)
        return _FAILED
    if found or not arguments.quiet:
        stdout.write(as_json(found, checked) if arguments.json else as_text(found, checked, colours))
    return _FOUND if found else _CLEAN


def checker_of(configuration: Configuration, workers: ThreadWorkers, reactor: IReactor, rate: float | None) -> Checker:
    """A checker of the configured folder; raise `StorageFailure`."""
    driver = configuration.storage.driver
    assert isinstance(driver, Filesystem)  # or it was refused
    return Checker(
        FilesystemDriver(driver.rootdirectory, workers),
        workers,
        reactor,
        configuration.validation,
        rate,
        configuration.storage.maintenance.uploadpurging.age,
    )


@define
class _Watch:
    """Draws the bar now and then."""

    _reactor: IReactor
    _checked: Checked
    _bar: Bar | None
    _drawing: LoopingCall | None = None

    def begin(self) -> None:
        """Draw from now on."""
        self._drawing = LoopingCall(self._draw)
        self._drawing.clock = self._reactor
        self._drawing.start(INTERVAL)

    def end(self) -> None:
        """Take it away."""
        if self._drawing is not None and self._bar is not None:
            self._drawing.stop()
            self._bar.clear()

    def _draw(self) -> None:
        if self._bar is not None:
            checked = self._checked
            words = f"{checked.blobs} blobs" if not checked.repositories else f"{checked.repositories} repositories"
            self._bar.draw(words, checked.bytes)


def _refusal(configuration: Configuration, repair: bool) -> str | None:
    storage = configuration.storage
    if not isinstance(storage.driver, Filesystem):
        return "the store is in the memory of its server: there is nothing to check"
    if not os.path.isdir(storage.driver.rootdirectory):
        return f"there is no folder {storage.driver.rootdirectory}"
    if repair and storage.maintenance.readonly:
        return "storage.maintenance.readonly is enabled: nothing may be repaired"
    return None


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError("must be a number of MiB above 0")
    return rate
