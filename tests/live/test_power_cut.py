"""What the disk holds at a random moment has everything that was acknowledged by then."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.support.history import History, losses
from tests.live.support.pusher import pushers
from tests.live.support.server import Server
from tests.live.support.system import make_filesystem, mounted_image
from tests.live.support.tools import run

pytestmark = pytest.mark.live

MIB = 1024 * 1024


@pytest.mark.takes("--power-cuts", 10)
def test_nothing_acknowledged_is_lost_by_a_power_cut(
    kind: str, tmp_path: Path, pytestconfig: pytest.Config, figure: Callable[[str], None]
) -> None:
    """The file behind a loop device is what would be left; a copy of it is mounted and served."""
    seed: int = pytestconfig.getoption("--seed") or random.SystemRandom().randrange(10**6)
    print(f"--seed {seed}")
    generator, history = random.Random(seed), History()
    disk, crashed = tmp_path / "disk.img", tmp_path / "crashed.img"
    make_filesystem(disk, 1024 * MIB)
    with (
        mounted_image(disk, tmp_path / "disk"),
        Server(kind, tmp_path / "server", data=tmp_path / "disk" / "data") as server,
        pushers(server, history, seed) as going,
    ):
        for cut in range(pytestconfig.getoption("--power-cuts")):
            going.set()
            time.sleep(generator.uniform(0.1, 1.0))
            server.freeze()
            # Time for the clients to take down what they have been told.
            time.sleep(0.2)
            known = history.as_of_now()
            run("cp", "--sparse=always", str(disk), str(crashed))
            going.clear()
            server.thaw()
            with (
                mounted_image(crashed, tmp_path / "crashed"),
                Server(kind, tmp_path / f"after-{cut}", data=tmp_path / "crashed" / "data") as after,
                after.client() as client,
            ):
                assert losses(client, known, known.acknowledged()) == []
                assert after.defects() == []
    figure(f"{pytestconfig.getoption('--power-cuts')} power cuts, {len(history.acknowledged())} acknowledged")
