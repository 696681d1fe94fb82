"""What is counted as a server's own use."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.processes import ProcessTree

BUSY = "import os\nwhile sum(os.times()[:2]) < 0.1: pass\n"


def test_the_time_of_a_child_that_was_waited_for_is_counted() -> None:
    tree = ProcessTree(os.getpid())
    before = tree.cpu_seconds()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert tree.cpu_seconds() - before >= 0.08


def test_the_memory_of_a_living_child_is_counted() -> None:
    tree = ProcessTree(os.getpid())
    alone = tree.rss_mib()
    program = "import sys; held = b'x' * (64 << 20); print(flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as child:
        assert child.stdout and child.stdin
        child.stdout.readline()
        assert tree.rss_mib() - alone > 60
        child.stdin.close()
