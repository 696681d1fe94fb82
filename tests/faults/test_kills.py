"""kill -9 under pushes, deletions and collections: what was acknowledged is there, what was deleted stays deleted."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.support.actors import at_work
from tests.faults.support.checker import breaches
from tests.faults.support.collecting import BY_TWO, SETTINGS
from tests.faults.support.fsck import harm
from tests.faults.support.ledger import Ledger
from tests.faults.support.outcome import Outcome
from tests.live.support.server import Server
from tests.live.support.waiting import eventually
from tests.live.support.workers import has_ended, workers_of

pytestmark = [pytest.mark.live, pytest.mark.faults]

RESTART_LIMIT = 5.0


@pytest.mark.takes("--collected-kills", 5)
@pytest.mark.parametrize("collected", [False, True], ids=["kept", "collected"])
def test_nothing_acknowledged_is_lost_by_kill_9(
    collected: bool, tmp_path: Path, seed: int, pytestconfig: pytest.Config
) -> None:
    kills: int = pytestconfig.getoption("--collected-kills")
    generator, ledger, outcome, restarts = random.Random(seed), Ledger(), Outcome(), []
    settings = SETTINGS if collected else {}
    # Whoever was cut off has been silent for as long as the restart took; what tags name has no such limit.
    patience = 0.0 if collected else float("inf")
    with Server("txregistry", tmp_path / "server", settings=settings) as server:
        checked = Ledger()
        with at_work([server], seed, patience, ledger, outcome) as gate:
            for _ in range(kills):
                gate.set()
                time.sleep(generator.uniform(0.05, 0.8))
                server.kill()
                # Nobody pushes while the checker reads, so that it is not what the time goes to.
                gate.clear()
                known = ledger.as_of_now()
                restarts.append(server.start())
                with server.client() as client:
                    assert breaches(client, known, collected=collected, before=checked) == []
                checked = known
        with server.client() as client:
            assert breaches(client, ledger, collected=collected) == []
        assert outcome.broken() == {}, outcome.words
        assert server.defects() == []
        assert harm(server) == []
    print(f"{kills} kills, {outcome.events.total()} events, slowest restart {max(restarts):.2f} s")
    assert max(restarts) < RESTART_LIMIT


@pytest.mark.takes("--collected-kills", 5)
def test_nothing_acknowledged_is_lost_where_some_of_the_processes_are_killed(
    tmp_path: Path, seed: int, pytestconfig: pytest.Config
) -> None:
    """A worker, which is replaced; or the parent, beside whose last workers a new one starts at once."""
    generator, ledger, outcome, before = random.Random(seed), Ledger(), Outcome(), set[int]()
    with Server("txregistry", tmp_path / "server", settings=BY_TWO) as server:
        with at_work([server], seed, 0.0, ledger, outcome) as gate:
            gate.set()
            for _ in range(pytestconfig.getoption("--collected-kills")):
                time.sleep(generator.uniform(0.05, 0.8))
                eventually(lambda: bool(workers_of(server.pid)))
                workers = workers_of(server.pid)
                if generator.random() < 0.4:
                    before.update(workers)
                    os.kill(server.pid, signal.SIGKILL)
                    server.wait()
                    server.start()
                else:
                    os.kill(generator.choice(workers), signal.SIGKILL)
        with server.client() as client:
            assert breaches(client, ledger, collected=True) == []
        assert outcome.broken() == {}, outcome.words
        assert all(map(has_ended, before))
        assert server.defects() == []
        assert harm(server) == []
