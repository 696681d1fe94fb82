"""What an answer promises is on the disk before the answer is sent: file, name, and every folder that is new."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.support.client import Client, artifact_manifest, digest_of
from tests.live.support.server import Server
from tests.live.support.tools import absent, require
from tests.live.support.trace import FOLDERS, REMOVALS, RENAMES, SENDS, SYNCS, Call, read_trace, strace

pytestmark = pytest.mark.live

CONTENT = b"to be kept" * 1000
PATIENCE = 10.0


class Traced:
    """A server under strace; `since` gives what it did from one moment to its next answer with a status."""

    def __init__(self, server: Server, output: Path) -> None:
        self._server = server
        self._output = output
        self._seen = 0

    @property
    def client(self) -> Client:
        return self._server.client()

    def mark(self) -> None:
        """From here on; the trace has everything before it once it has the answer to a request that nothing knows."""
        with self.client as client:
            client.request("GET", "/v2/power/mark", expect=404)
        self._seen += len(self.until_answer(404))

    def until_answer(self, status: int) -> list[Call]:
        """Calls since the mark, the last of them the sending of the answer with this status."""
        deadline = time.monotonic() + PATIENCE
        while True:
            calls = read_trace(self._output)[self._seen :]
            for place, call in enumerate(calls):
                if call.name in SENDS and f'"HTTP/1.1 {status} ' in call.text:
                    return calls[: place + 1]
            assert time.monotonic() < deadline, f"no answer {status} in the trace"
            time.sleep(0.05)

    def promised(self, calls: list[Call], names: frozenset[str]) -> list[Call]:
        """Of these calls, those of one kind that change what is promised: upload sessions and hidden files are not."""
        root = str(self._server.data)
        return [
            call
            for call in calls
            if call.name in names
            and call.paths[-1].startswith(root)
            and not re.search(r"/_uploads|/\.", call.paths[-1].removeprefix(root))
        ]


@pytest.fixture
def traced(kind: str, tmp_path: Path) -> Iterator[Traced]:
    require("strace")
    works = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if works.returncode != 0:
        absent(f"strace may not trace here: {works.stderr.decode(errors='replace').strip()}")
    output = tmp_path / "trace"
    with Server(kind, tmp_path / "server", wrapper=strace(output)) as server:
        yield Traced(server, output)


def _synced(calls: list[Call], path: str, after: int, before: int) -> bool:
    return any(
        call.name in SYNCS and call.paths[0] == path and call.began > after and call.ended < before for call in calls
    )


def _assert_durable(traced: Traced, calls: list[Call]) -> list[Call]:
    """Every rename and new folder is safe when the last call, the answer, begins; the renames."""
    answered = calls[-1].began
    renames = traced.promised(calls, RENAMES)
    for rename in renames:
        source, target = rename.paths
        files = [source]
        if os.path.isdir(target):
            # An upload's folder, which becomes that of the content: what is in it, and that it is in it.
            files = [f"{source}/{name}" for name in os.listdir(target)]
            assert _synced(calls, target, rename.ended, answered), f"the moved folder was not synced: {rename.text}"
        assert files
        for file in files:
            assert _synced(calls, file, -1, rename.began), f"renamed before it was synced: {rename.text}"
        folder = os.path.dirname(target)
        assert _synced(calls, folder, rename.ended, answered), f"the folder was not synced: {rename.text}"
    for made in traced.promised(calls, FOLDERS):
        parent = os.path.dirname(made.paths[-1])
        assert _synced(calls, parent, made.ended, answered), f"the folder above was not synced: {made.text}"
    return renames


@pytest.mark.parametrize("chunks", [0, 1], ids=["whole", "in two requests"])
def test_a_blob_is_durable_before_its_201(traced: Traced, chunks: int) -> None:
    with traced.client as client:
        upload = client.begin_upload("power/app")
        if chunks:
            client.request("PATCH", upload, CONTENT, expect=202)
        traced.mark()
        client.finish_upload(upload, digest_of(CONTENT), b"" if chunks else CONTENT)
    renames = _assert_durable(traced, traced.until_answer(201))
    assert sum("/blobs/sha256/" in rename.paths[-1] for rename in renames) == 1
    assert sum("/_layers/sha256/" in rename.paths[-1] for rename in renames) == 1


def test_a_manifest_and_its_tag_are_durable_before_their_201(traced: Traced) -> None:
    with traced.client as client:
        for blob in (CONTENT, b"{}"):
            client.push_blob("power/app", blob)
        traced.mark()
        client.push_manifest("power/app", "1", artifact_manifest(digest_of(CONTENT), len(CONTENT)))
    renames = _assert_durable(traced, traced.until_answer(201))
    for place in ("/blobs/sha256/", "/_manifests/revisions/sha256/", "/_manifests/tags/1/current/"):
        assert sum(place in rename.paths[-1] for rename in renames) == 1, place


def test_a_deleted_manifest_stays_deleted_after_its_202(traced: Traced) -> None:
    with traced.client as client:
        digest = client.push_artifact("power/app", "1", CONTENT)
        traced.mark()
        client.request("DELETE", f"/v2/power/app/manifests/{digest}", expect=202)
    calls = traced.until_answer(202)
    # A folder may be removed with all below it, or be moved out of the way first.
    gone = {call.paths[0]: call for call in [*traced.promised(calls, REMOVALS), *traced.promised(calls, RENAMES)]}
    roots = [call for path, call in gone.items() if os.path.dirname(path) not in gone]
    assert any("/_manifests/revisions/" in call.paths[0] for call in roots)
    assert any("/_manifests/tags/1" in call.paths[0] for call in roots)
    for call in roots:
        folder = os.path.dirname(call.paths[0])
        assert _synced(calls, folder, call.ended, calls[-1].began), f"the folder was not synced: {call.text}"
