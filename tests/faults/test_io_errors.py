"""Whichever system call of a push fails, the answer is an error, or what it promises is there."""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.support.checker import breaches
from tests.faults.support.fsck import harm
from tests.faults.support.ledger import Ledger
from tests.live.support.client import Client, Unexpected, artifact_manifest, digest_of
from tests.live.support.server import Server
from tests.live.support.tools import absent, require

pytestmark = [pytest.mark.live, pytest.mark.faults]

NAME = "failing/app"
# Not close: one that is made to fail is not done, and what it would have let go stays held.
CALLS = ("fsync", "fdatasync", "rename", "openat", "pwritev,pwritev2", "mkdir", "unlink", "rmdir", "utimensat")
FAILURES = [
    *((calls, "EIO") for calls in CALLS),
    ("pwritev,pwritev2", "ENOSPC"),
    ("openat", "ENOSPC"),
    ("mkdir", "ENOSPC"),
]
# No push takes so many of one call on one thread.
MOST = 100


@contextmanager
def _failing(server: Server, calls: str, number: int, error: str, output: Path) -> Iterator[None]:
    """In the body each thread's call of this number fails, counted from the body's begin."""
    with subprocess.Popen(
        [
            require("strace"),
            *("-f", "-p", str(server.pid), "-o", str(output), "-e", f"trace={calls}"),
            *("-e", f"inject={calls}:error={error}:when={number}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as tracer:
        deadline = time.monotonic() + 10
        while not all(_is_traced(task) for task in Path(f"/proc/{server.pid}/task").iterdir()):
            if tracer.poll() is not None:
                absent("strace may not trace here")
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)


def _is_traced(task: Path) -> bool:
    return "TracerPid:\t0\n" not in (task / "status").read_text()


def _push(client: Client, ledger: Ledger, tag: str) -> None:
    """Everything a push does for the first time: new folders, a blob, a manifest with a subject, a tag."""
    name, content = f"{NAME}{tag}", random.Random(tag).randbytes(9000)
    subject = {"mediaType": "application/octet-stream", "digest": digest_of(b"subject"), "size": 7}
    for blob in (content, b"{}"):
        client.push_blob(name, blob)
        ledger.has_blob(name, digest_of(blob))
    manifest = artifact_manifest(digest_of(content), len(content), subject=subject)
    with ledger.put(name, tag, digest_of(manifest)):
        client.push_manifest(name, tag, manifest)
    ledger.attach(name, digest_of(b"subject"), digest_of(manifest))


@pytest.mark.parametrize(("calls", "error"), FAILURES)
def test_a_push_whose_call_fails_is_refused_or_durable(calls: str, error: str, tmp_path: Path) -> None:
    ledger, refused, output = Ledger(), 0, tmp_path / "trace"
    with Server("txregistry", tmp_path / "server") as server, server.client() as client:
        # From here on one of the two blobs of each push is there already.
        _push(client, ledger, "0")
        for number in itertools.count(1):
            assert number < MOST
            with _failing(server, calls, number, error, output):
                try:
                    _push(client, ledger, str(number))
                except Unexpected as refusal:
                    refused += 1
                    assert refusal.status in (500, 503, 507), refusal
                    assert json.loads(refusal.body)["errors"][0]["code"] in ("UNKNOWN", "UNAVAILABLE")
            assert breaches(client, ledger, collected=False) == []
            if "(INJECTED)" not in output.read_text():
                break
            # The process is alive, and whoever tries again succeeds.
            _push(client, ledger, str(number))
        assert breaches(client, ledger, collected=False) == []
        assert server.defects() == []
        assert harm(server) == []
    assert number > 1, "no call was made to fail"
    print(f"{calls}: {number - 1} failing pushes, {refused} refused")
