"""What the disk holds at a random moment keeps every promise made by then, deletions and collections included."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.faults.support.actors import at_work
from tests.faults.support.checker import breaches
from tests.faults.support.collecting import BY_TWO
from tests.faults.support.fsck import harm
from tests.faults.support.ledger import Ledger
from tests.faults.support.outcome import Outcome
from tests.live.support.server import Server
from tests.live.support.system import make_filesystem, mounted_image
from tests.live.support.tools import run

pytestmark = [pytest.mark.live, pytest.mark.faults]

MIB = 1024 * 1024
RESTART_LIMIT = 5.0


@pytest.mark.takes("--snapshots", 15)
@pytest.mark.parametrize("collected", [False, True], ids=["kept", "collected by two workers"])
def test_nothing_acknowledged_is_lost_by_a_power_cut(
    collected: bool, tmp_path: Path, seed: int, pytestconfig: pytest.Config
) -> None:
    """The file behind a loop device is what is left; a copy of it is mounted, its journal replayed, and served."""
    snapshots: int = pytestconfig.getoption("--snapshots")
    generator, ledger, outcome, restarts = random.Random(seed), Ledger(), Outcome(), []
    settings = BY_TWO if collected else {}
    patience = 0.0 if collected else float("inf")
    disk, crashed = tmp_path / "disk.img", tmp_path / "crashed.img"
    make_filesystem(disk, 2048 * MIB)
    checked = Ledger()
    with (
        mounted_image(disk, tmp_path / "disk"),
        Server("txregistry", tmp_path / "server", data=tmp_path / "disk" / "data", settings=settings) as server,
        at_work([server], seed, patience, ledger, outcome) as gate,
    ):
        for number in range(snapshots):
            gate.set()
            time.sleep(generator.uniform(0.1, 1.0))
            server.freeze()
            # Time for the clients to take down what they have been told.
            time.sleep(0.2)
            known = ledger.as_of_now()
            run("cp", "--sparse=always", str(disk), str(crashed))
            gate.clear()
            server.thaw()
            after = Server(
                "txregistry", tmp_path / f"after-{number}", data=tmp_path / "crashed" / "data", settings=settings
            )
            with mounted_image(crashed, tmp_path / "crashed"):
                restarts.append(after.start())
                try:
                    with after.client() as client:
                        assert breaches(client, known, collected=collected, before=checked) == []
                    assert after.defects() == []
                    assert harm(after) == []
                finally:
                    after.kill()
            checked = known
    assert outcome.broken() == {}, outcome.words
    print(f"{snapshots} snapshots, {outcome.events.total()} events, slowest restart {max(restarts):.2f} s")
    assert max(restarts) < RESTART_LIMIT
