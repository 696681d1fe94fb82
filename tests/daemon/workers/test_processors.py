import os
from pathlib import Path

import pytest

from txregistry.daemon.workers.processors import usable_processors

ALLOWED = len(os.sched_getaffinity(0))


def cgroup(folder: Path, membership: str, **limits: str) -> tuple[Path, Path]:
    """The file that names a process's cgroup, and a tree of cgroups with these limits; `_` stands for `/`."""
    (folder / "membership").write_text(membership)
    for name, limit in limits.items():
        group = folder / "cgroups" / name.strip("_").replace("_", "/")
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.max").write_text(limit)
    return folder / "membership", folder / "cgroups"


def test_without_a_limit_there_are_as_many_as_it_may_be_scheduled_on(tmp_path: Path) -> None:
    assert usable_processors(tmp_path / "none", tmp_path) == ALLOWED
    assert usable_processors(*cgroup(tmp_path, "0::/a\n", _a="max 100000\n")) == ALLOWED


@pytest.mark.parametrize("limit", ["100000 100000\n", "149999 100000\n", "20000 100000\n"])
def test_the_time_of_one_processor_is_enough_for_one_worker(tmp_path: Path, limit: str) -> None:
    assert usable_processors(*cgroup(tmp_path, "0::/a\n", _a=limit)) == 1


def test_a_limit_of_any_cgroup_above_counts(tmp_path: Path) -> None:
    assert usable_processors(*cgroup(tmp_path, "0::/a/b\n", _a="100000 100000\n", _a_b="max 100000\n")) == 1


def test_a_limit_above_the_machine_is_none(tmp_path: Path) -> None:
    assert usable_processors(*cgroup(tmp_path, "0::/a\n", _a="99900000 100000\n")) == ALLOWED


@pytest.mark.parametrize("membership", ["", "12:cpu,cpuacct:/docker/1\n"])
def test_older_cgroups_say_nothing(tmp_path: Path, membership: str) -> None:
    assert usable_processors(*cgroup(tmp_path, membership, _a="100000 100000\n")) == ALLOWED
