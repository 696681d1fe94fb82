"""kill -9 under concurrent pushes loses nothing that was acknowledged."""

from __future__ import annotations

import http.client
import random
import threading
import time
from pathlib import Path

import pytest

from tests.live.support.client import Unexpected, artifact_manifest, digest_of, location
from tests.live.support.history import History, losses
from tests.live.support.server import Server

pytestmark = pytest.mark.live

PUSHERS = 8
NAMES = ("kill/one", "kill/two", "kill")
TAGS = ("latest", "1", "2", "3")
RESTART_LIMIT = 5.0
OCTETS = {"Content-Type": "application/octet-stream"}


class Pusher(threading.Thread):
    """Pushes artifacts, in every way a client may, until it is told to stop."""

    def __init__(self, server: Server, history: History, going: threading.Event, seed: str) -> None:
        super().__init__(daemon=True)
        self._client = server.client(timeout=20)
        self._history = history
        self._random = random.Random(seed)
        self._stop_asked = threading.Event()
        self._going = going
        self.refused: list[Unexpected] = []

    def run(self) -> None:
        while not self._stop_asked.is_set():
            self._going.wait()
            try:
                self._push_artifact()
            except (OSError, http.client.HTTPException):
                # The server was killed; whether it did what was asked is unknown.
                time.sleep(0.02)
            except Unexpected as refusal:
                self.refused.append(refusal)
        self._client.close()

    def stop(self) -> None:
        self._stop_asked.set()

    def _push_artifact(self) -> None:
        name = self._random.choice(NAMES)
        content = self._random.randbytes(self._size())
        for blob in (content, b"{}"):
            with self._history.attempt(name, digest_of(blob)):
                self._push_blob(name, blob)
        manifest = artifact_manifest(digest_of(content), len(content))
        tag = self._random.choice(TAGS)
        with self._history.attempt(name, digest_of(manifest), tag):
            self._client.push_manifest(name, tag, manifest)

    def _size(self) -> int:
        limit = self._random.choices((1, 4096, 65_536, 1_000_000, 8_000_000), (1, 8, 6, 4, 1))[0]
        return self._random.randrange(limit)

    def _push_blob(self, name: str, content: bytes) -> None:
        way = self._random.choice(("one PATCH", "PUT alone", "PATCH and PUT"))
        if way == "one PATCH":
            self._client.push_blob(name, content)
            return
        upload, sent = self._client.begin_upload(name), 0
        if way == "PATCH and PUT":
            sent = len(content) // 2
            upload = location(self._client.request("PATCH", upload, content[:sent], OCTETS, expect=202))
        self._client.finish_upload(upload, digest_of(content), content[sent:])


def test_nothing_acknowledged_is_lost_by_kill_9(kind: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    kills: int = pytestconfig.getoption("--kills")
    seed: int = pytestconfig.getoption("--seed") or random.SystemRandom().randrange(10**6)
    print(f"--seed {seed}")
    generator, history, restarts = random.Random(seed), History(), []
    # Cleared while the checker reads, so that it is not what the time goes to.
    going = threading.Event()
    with Server(kind, tmp_path / "server", data=tmp_path / "data") as server:
        pushers = [Pusher(server, history, going, f"{seed} {number}") for number in range(PUSHERS)]
        for pusher in pushers:
            pusher.start()
        checked = 0
        for _ in range(kills):
            going.set()
            time.sleep(generator.uniform(0.05, 0.8))
            server.kill()
            going.clear()
            restarts.append(server.start())
            with server.client() as client:
                acknowledged = history.acknowledged()
                # Most of what is older has been looked at after an earlier kill, and all of it is again at the end.
                assert losses(client, history, acknowledged[checked:]) == []
                checked = len(acknowledged)
        for pusher in pushers:
            pusher.stop()
        going.set()
        for pusher in pushers:
            pusher.join(30)
            assert not pusher.is_alive()
        with server.client() as client:
            assert losses(client, history, history.acknowledged()) == []
        assert server.defects() == []
    assert [refusal for pusher in pushers for refusal in pusher.refused] == []
    print(f"{kills} kills, {len(history.acknowledged())} acknowledged, slowest restart {max(restarts):.2f} s")
    assert max(restarts) < RESTART_LIMIT
    _assert_served_by_a_peer(tmp_path, history)


def _assert_served_by_a_peer(folder: Path, history: History) -> None:
    with Server("registry2", folder / "peer", data=folder / "data") as peer, peer.client() as client:
        assert losses(client, history, history.acknowledged()) == []
