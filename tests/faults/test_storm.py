"""Collection beside pushers, deleters, mounters and referrer-attachers breaks nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.storm import storm

pytestmark = [pytest.mark.live, pytest.mark.faults]


@pytest.mark.takes("--storm-seconds", 2)
@pytest.mark.parametrize("servers", [1, 2], ids=["one process", "two processes on one folder"])
def test_no_push_breaks_while_the_store_is_collected(
    servers: int, tmp_path: Path, seed: int, pytestconfig: pytest.Config
) -> None:
    weather = storm("txregistry", tmp_path, pytestconfig.getoption("--storm-seconds"), seed, servers)
    print(*weather.lines(), sep="\n")
    assert weather.outcome.broken() == {}, weather.outcome.words
    assert weather.breaches == []
    assert weather.defects == []
    assert weather.cycles > 0
    assert weather.reclaimed > 0
