"""Clients of a storm: they push, mount, attach, retag, pull and delete, and tell what was not as it should be."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from tests.faults.support.ledger import Ledger
from tests.faults.support.outcome import Outcome
from tests.live.support.client import (
    ACCEPT,
    Client,
    Unexpected,
    artifact_manifest,
    digest_of,
    location,
    with_query,
)
from tests.live.support.server import Server

NAMES = ("storm/one", "storm/two", "storm/two/deep", "other")
TAGS = tuple(f"v{number}" for number in range(8))
OCTETS = {"Content-Type": "application/octet-stream"}
# Seconds that a client waits at most between two steps, and now and then before it pushes a manifest.
PAUSE, LONG_PAUSE = 0.6, 0.6
# Layers that many images have in common, and that nobody needs for a while again and again.
BASES = 24
BASE_SIZE = 20_000
EMPTY = b"{}"


@cache
def base_layer(number: int) -> bytes:
    """The same bytes for every client and every run."""
    return random.Random(f"base {number}").randbytes(BASE_SIZE)


class Actor:
    """One client: a request at a time, to any of the servers.

    `patience` is for how many seconds a client may count on what it was told. With `going` the servers come and go: a
    step begins only while it is set, without a pause, and a connection that is lost is no fault.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        seed: str,
        patience: float,
        ledger: Ledger,
        outcome: Outcome,
        referrers: bool = True,
        going: threading.Event | None = None,
    ) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._clients = [server.client() for server in servers]
        self._random = random.Random(seed)
        self._patience = patience
        self._ledger = ledger
        self._outcome = outcome
        self._referrers = referrers
        self._stop_asked = threading.Event()
        self._going = going

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present step."""
        self._stop_asked.set()

    def join(self) -> None:
        """Wait for that."""
        self._thread.join(120)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        steps = {self._push: 8, self._pull: 5, self._attach: 3, self._retag: 2, self._delete: 2, self._delete_blob: 1}
        while not self._stop_asked.is_set():
            if self._going is not None:
                self._going.wait()
            else:
                time.sleep(self._random.uniform(0, PAUSE))
            (step,) = self._random.choices(list(steps), list(steps.values()))
            try:
                step()
            except (OSError, http.client.HTTPException) as error:
                if self._going is None:
                    self._outcome.fault("server error", f"{step.__name__}: {error!r}")
                else:
                    time.sleep(0.02)
            except Unexpected as refusal:
                kind = "server error" if refusal.status >= 500 else f"broken {step.__name__.strip('_')}"
                self._outcome.fault(kind, f"{refusal.request}: {refusal.status} {refusal.body[:300]!r}")
            except Exception:
                self._outcome.fault("defect of the harness", traceback.format_exc())
                break
        for client in self._clients:
            client.close()

    @property
    def _client(self) -> Client:
        return self._random.choice(self._clients)

    def _place(self) -> tuple[str, str]:
        return self._random.choice(NAMES), self._random.choice(TAGS)

    def _push(self) -> None:
        """An image of a layer of its own and some that are shared, as docker pushes it: what is there is not sent."""
        name, tag = self._place()
        told = time.monotonic()
        layers = [base_layer(number) for number in self._random.sample(range(BASES), 2)]
        layers.append(self._random.randbytes(self._random.choice((100, 5_000, 60_000))))
        for layer in (*layers, EMPTY):
            self._offer(name, layer)
        manifest = _image(layers, self._random.random())
        if self._going is None and self._random.random() < 0.3:
            time.sleep(self._random.uniform(0, LONG_PAUSE))
        try:
            with self._ledger.put(name, tag, digest_of(manifest)):
                self._client.push_manifest(name, tag, manifest)
        except Unexpected as refusal:
            self._raise_unless_late(refusal, told)
            return
        self._outcome.stored("image pushed", digest_of(manifest), len(manifest))

    def _offer(self, name: str, content: bytes) -> None:
        digest = digest_of(content)
        there = self._client.request("HEAD", f"/v2/{name}/blobs/{digest}").status
        if there == 200:
            self._outcome.did("blob found")
            return
        if there != 404:
            raise Unexpected(f"HEAD {name} {digest}", there, b"")
        source = self._random.choice(NAMES)
        if source != name and len(content) == BASE_SIZE:
            answer = self._client.request("POST", f"/v2/{name}/blobs/uploads/?mount={digest}&from={source}", b"")
            if answer.status == 201:
                self._outcome.did("blob mounted")
                return
            if answer.status != 202:
                raise Unexpected(f"mount {digest} from {source}", answer.status, answer.body)
            upload = location(answer)
        else:
            upload = self._client.begin_upload(name)
        upload = location(self._client.request("PATCH", upload, content, OCTETS, expect=202))
        self._client.request("PUT", with_query(upload, f"digest={digest}"), b"", OCTETS, expect=201)
        self._ledger.has_blob(name, digest)
        self._outcome.stored("blob pushed", digest, len(content))

    def _pull(self) -> None:
        """A tag with everything in it."""
        name, tag = self._place()
        found = self._read_tag(name, tag)
        if found is None:
            return
        told, _, manifest = found
        for digest in blobs_of(manifest):
            answer = self._client.request("GET", f"/v2/{name}/blobs/{digest}")
            if answer.status != 200:
                self._raise_unless_late(Unexpected(f"GET {name} {digest}", answer.status, answer.body), told)
                return
            if digest_of(answer.body) != digest:
                self._outcome.fault("wrong bytes", f"{name} {digest}")
                return
        self._outcome.did("image pulled")

    def _read_tag(self, name: str, tag: str) -> tuple[float, str, bytes] | None:
        """When it was asked for, digest and manifest; None where there is none, and may be none."""
        since = time.monotonic()
        answer = self._client.request("GET", f"/v2/{name}/manifests/{tag}", headers={"Accept": ACCEPT})
        seen = answer.headers["Docker-Content-Digest"] if answer.status == 200 else None
        if answer.status not in (200, 404):
            raise Unexpected(f"GET {name}:{tag}", answer.status, answer.body)
        if seen is not None and digest_of(answer.body) != seen:
            self._outcome.fault("wrong bytes", f"{name}:{tag} is not {seen}")
        if seen not in self._ledger.allowed(name, tag, since):
            self._outcome.fault("wrong tag", f"{name}:{tag} is {seen}")
            return None
        self._outcome.did("tag read")
        return None if seen is None else (since, seen, answer.body)

    def _attach(self) -> None:
        """An artifact to what a tag names."""
        name, tag = self._place()
        found = self._read_tag(name, tag)
        if found is None:
            return
        _, subject, manifest = found
        told = time.monotonic()
        content = self._random.randbytes(500)
        for blob in (content, EMPTY):
            self._offer(name, blob)
        described = {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": subject,
            "size": len(manifest),
        }
        artifact = artifact_manifest(digest_of(content), len(content), subject=described)
        digest = digest_of(artifact)
        try:
            self._client.push_manifest(name, digest, artifact)
        except Unexpected as refusal:
            self._raise_unless_late(refusal, told)
            return
        self._ledger.attach(name, subject, digest)
        self._outcome.stored("artifact attached", digest, len(artifact))
        if self._referrers:
            since = time.monotonic()
            if digest not in self._client.referrers(name, subject) and time.monotonic() - since < self._patience:
                self._outcome.fault("broken attach", f"{name} {subject} lacks {digest}")

    def _retag(self) -> None:
        """Give another tag what one names."""
        name, tag = self._place()
        found = self._read_tag(name, tag)
        if found is None:
            return
        told, digest, manifest = found
        other = self._random.choice(TAGS)
        try:
            with self._ledger.put(name, other, digest):
                self._client.push_manifest(name, other, manifest)
        except Unexpected as refusal:
            self._raise_unless_late(refusal, told)
            return
        self._outcome.did("image tagged again")

    def _delete(self) -> None:
        """What a tag names, with all its tags."""
        name, tag = self._place()
        found = self._read_tag(name, tag)
        if found is None:
            return
        _, digest, _ = found
        with self._ledger.deletion(name, digest):
            answer = self._client.request("DELETE", f"/v2/{name}/manifests/{digest}")
            # Somebody else may have deleted it, or moved its last tag away for a collection to take it.
            if answer.status not in (202, 404):
                raise Unexpected(f"DELETE {name} {digest}", answer.status, answer.body)
        self._outcome.did("image deleted")

    def _delete_blob(self) -> None:
        """One that nobody else knows of."""
        name, _ = self._place()
        content = self._random.randbytes(2000)
        self._offer(name, content)
        self._ledger.forget_blob(name, digest_of(content))
        target = f"/v2/{name}/blobs/{digest_of(content)}"
        self._client.request("DELETE", target, expect=202)
        self._client.request("HEAD", target, expect=404)
        self._outcome.did("blob deleted")

    def _raise_unless_late(self, refusal: Unexpected, told: float) -> None:
        if refusal.status >= 500 or time.monotonic() - told < self._patience:
            raise refusal
        self._outcome.fault("late", refusal.request)


@contextmanager
def at_work(
    servers: Sequence[Server], seed: int, patience: float, ledger: Ledger, outcome: Outcome
) -> Iterator[threading.Event]:
    """Eight clients that go on while the servers come and go; the gate lets them begin."""
    gate = threading.Event()
    actors = [Actor(servers, f"{seed} {number}", patience, ledger, outcome, going=gate) for number in range(8)]
    for actor in actors:
        actor.start()
    try:
        yield gate
    finally:
        for actor in actors:
            actor.stop()
        gate.set()
        for actor in actors:
            actor.join()


def blobs_of(manifest: bytes) -> list[str]:
    """Configuration and layers."""
    document = json.loads(manifest)
    return [document["config"]["digest"], *(layer["digest"] for layer in document["layers"])]


def _image(layers: Sequence[bytes], salt: float) -> bytes:
    first, *others = layers
    more = [{"mediaType": "application/octet-stream", "digest": digest_of(one), "size": len(one)} for one in others]
    document = json.loads(artifact_manifest(digest_of(first), len(first)))
    return json.dumps({**document, "layers": [*document["layers"], *more], "annotations": {"salt": str(salt)}}).encode()
