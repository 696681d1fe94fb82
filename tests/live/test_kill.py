"""kill -9 under concurrent pushes loses nothing that was acknowledged."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.support.history import History, losses
from tests.live.support.pusher import pushers
from tests.live.support.server import Server

pytestmark = pytest.mark.live

RESTART_LIMIT = 5.0


@pytest.mark.takes("--kills", 5)
def test_nothing_acknowledged_is_lost_by_kill_9(
    kind: str, tmp_path: Path, pytestconfig: pytest.Config, figure: Callable[[str], None]
) -> None:
    kills: int = pytestconfig.getoption("--kills")
    seed: int = pytestconfig.getoption("--seed") or random.SystemRandom().randrange(10**6)
    print(f"--seed {seed}")
    generator, history, restarts = random.Random(seed), History(), []
    with Server(kind, tmp_path / "server", data=tmp_path / "data") as server:
        checked = 0
        with pushers(server, history, seed) as going:
            for _ in range(kills):
                going.set()
                time.sleep(generator.uniform(0.05, 0.8))
                server.kill()
                # Nobody pushes while the checker reads, so that it is not what the time goes to.
                going.clear()
                restarts.append(server.start())
                with server.client() as client:
                    acknowledged = history.acknowledged()
                    # What is older was looked at after an earlier kill, and all of it is again at the end.
                    assert losses(client, history, acknowledged[checked:]) == []
                    checked = len(acknowledged)
        with server.client() as client:
            assert losses(client, history, history.acknowledged()) == []
        assert server.defects() == []
    figure(f"{kills} kills, {len(history.acknowledged())} acknowledged, slowest restart {max(restarts):.2f} s")
    assert max(restarts) < RESTART_LIMIT
    with Server("registry2", tmp_path / "peer", data=tmp_path / "data") as peer, peer.client() as client:
        assert losses(client, history, history.acknowledged()) == []
