"""The storm: many clients that push, mount, attach, retag, pull and delete, while the registry is collected.

python -m tests.faults.storm --minutes 2
python -m tests.faults.storm --minutes 2 --peer registry3
python -m tests.faults.storm --hours 3
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import define

from tests.faults.support.actors import Actor
from tests.faults.support.checker import breaches
from tests.faults.support.collecting import GRACE, INTERVAL, PATIENCE, SETTINGS, TRASH, collecting, stored_bytes
from tests.faults.support.ledger import Ledger
from tests.faults.support.outcome import Outcome
from tests.live.support.server import Server

CLIENTS = 16
_EVERY = 60.0


@define
class Weather:
    """A storm's result: what happened, what is wrong at its end, and what it cost."""

    outcome: Outcome
    breaches: list[str]
    cycles: int
    reclaimed: int
    seconds: float
    defects: list[str]

    def lines(self) -> list[str]:
        """For people."""
        events, pushed = self.outcome.events, self.outcome.pushed_bytes()
        return [
            f"{events.total()} events in {self.seconds:.0f} s: "
            + ", ".join(f"{count} {kind}" for kind, count in events.most_common()),
            f"{self.cycles} collections, {self.reclaimed / 1e6:.1f} of {pushed / 1e6:.1f} MB reclaimed",
            f"faults: {self.outcome.broken() or 'none'}; late: {self.outcome.faults['late']}; "
            f"wrong at the end: {len(self.breaches)}; defects in the log: {len(self.defects)}",
        ]


def storm(kind: str, folder: Path, seconds: float, seed: int, servers: int = 1, tell: bool = False) -> Weather:
    """Run one on a fresh store; `servers` is how many processes serve it."""
    ledger, outcome = Ledger(), Outcome()
    settings: dict[str, Any] = SETTINGS if kind == "txregistry" else {}
    with ExitStack() as stack:
        running = [
            stack.enter_context(Server(kind, folder / f"server-{number}", data=folder / "data", settings=settings))
            for number in range(servers)
        ]
        began = time.monotonic()
        with collecting(running, folder / "server-0" / f"{kind}.yml") as cycles:
            _blow(running, seconds, seed, ledger, outcome, tell)
            # What is needed must outlive the collections to come, too.
            time.sleep(2 * INTERVAL + GRACE + TRASH)
            with running[0].client() as client:
                wrong = breaches(client, ledger, collected=True, referrers=kind == "txregistry")
        left = stored_bytes(folder / "data")
        took = time.monotonic() - began
        defects = [line for server in running for line in server.defects()]
    return Weather(outcome, wrong, cycles.count, outcome.pushed_bytes() - left, took, defects)


def _blow(servers: Sequence[Server], seconds: float, seed: int, ledger: Ledger, outcome: Outcome, tell: bool) -> None:
    referrers = servers[0].kind == "txregistry"
    actors = [
        Actor(servers, f"{seed} {number}", PATIENCE, ledger, outcome, referrers=referrers) for number in range(CLIENTS)
    ]
    until = time.monotonic() + seconds
    for actor in actors:
        actor.start()
    try:
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _EVERY))
            if tell:
                print(f"{left:.0f} s to go, {outcome.events.total()} events, faults: {outcome.faults}", flush=True)
    finally:
        for actor in actors:
            actor.stop()
        for actor in actors:
            actor.join()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit with 1 when ours breaks a promise; a peer is only reported on."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm", description=__doc__.splitlines()[0])
    parser.add_argument("--peer", default="txregistry", choices=("txregistry", "registry2", "registry3"))
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--servers", type=int, default=1, help="how many processes serve the one folder")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    chosen = parser.parse_args(arguments)
    print(f"--seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        seconds = chosen.hours * 3600 or chosen.minutes * 60
        weather = storm(chosen.peer, Path(folder), seconds, chosen.seed, chosen.servers, tell=True)
    print(*weather.lines(), *weather.outcome.words, *weather.breaches[:20], *weather.defects[:20], sep="\n")
    wrong = bool(weather.outcome.broken() or weather.breaches or weather.defects or weather.reclaimed <= 0)
    return int(wrong and chosen.peer == "txregistry")


if __name__ == "__main__":
    sys.exit(main())
