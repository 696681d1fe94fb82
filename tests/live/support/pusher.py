"""Pushes artifacts without end, in every way that a client may, and keeps the history of it."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.live.support.client import Unexpected, artifact_manifest, digest_of, location
from tests.live.support.history import History
from tests.live.support.server import Server

PUSHERS = 8
NAMES = ("pushed/one", "pushed/two", "pushed")
TAGS = ("latest", "1", "2", "3")
OCTETS = {"Content-Type": "application/octet-stream"}


@contextmanager
def pushers(server: Server, history: History, seed: int) -> Iterator[threading.Event]:
    """Many clients at work while the event is set; the context ends when all have stopped.

    A refusal that is not the loss of a connection fails the test.
    """
    going = threading.Event()
    working = [Pusher(server, history, going, f"{seed} {number}") for number in range(PUSHERS)]
    for pusher in working:
        pusher.start()
    try:
        yield going
    finally:
        for pusher in working:
            pusher.stop()
        going.set()
        for pusher in working:
            pusher.join(30)
    assert not any(pusher.is_alive() for pusher in working)
    assert [refusal for pusher in working for refusal in pusher.refused] == []


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
