import gc
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from txregistry.daemon.process import most_connections, raise_file_limit, settle_memory


@pytest.fixture
def limit() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_as_many_files_may_be_open_as_the_hard_limit_allows(limit: tuple[int, int]) -> None:
    _, hard = limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard))
    raise_file_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_connections_leave_half_of_the_files_to_requests(limit: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, limit[1]))
    assert most_connections() == 200


def test_what_the_start_has_built_is_not_collected_again() -> None:
    try:
        settle_memory()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


FAULTS = """
import resource, sys
from txregistry.daemon.process import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pieces = [b"x" * 262_144 for _ in range(32)]
    del pieces
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_the_memory_of_pieces_is_not_taken_anew_for_the_next_ones() -> None:
    faults = {
        mode: int(subprocess.run([sys.executable, "-c", FAULTS, mode], capture_output=True, check=True).stdout)
        for mode in ("kept", "returned")
    }
    pages = 32 * 262_144 // resource.getpagesize()
    assert faults["kept"] < pages / 10
    assert faults["returned"] > pages / 2
