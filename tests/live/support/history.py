"""What clients were told, and whether a registry still keeps to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from attrs import define, evolve, field

from tests.live.support.client import Client, Unexpected, digest_of

_NEVER = float("inf")


@define
class Attempt:
    """To store a blob, or a manifest under a tag; `finished` is when it was acknowledged."""

    name: str
    digest: str
    tag: str | None
    started: float
    finished: float = _NEVER


@define
class History:
    """Of many clients at once."""

    attempts: list[Attempt] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    @contextmanager
    def attempt(self, name: str, digest: str, tag: str | None = None) -> Iterator[None]:
        """The body ends without an exception when the registry has said yes, and only then."""
        attempt = Attempt(name, digest, tag, time.monotonic())
        with self._lock:
            self.attempts.append(attempt)
        yield
        attempt.finished = time.monotonic()

    def acknowledged(self) -> list[Attempt]:
        """In the order in which they began."""
        with self._lock:
            return [attempt for attempt in self.attempts if attempt.finished != _NEVER]

    def as_of_now(self) -> History:
        """A copy that later attempts do not change."""
        with self._lock:
            return History([evolve(attempt) for attempt in self.attempts])

    def tags(self) -> list[tuple[str, str]]:
        """Repository and name of every tag of which some push was acknowledged."""
        return sorted({(attempt.name, attempt.tag) for attempt in self.acknowledged() if attempt.tag is not None})

    def allowed(self, name: str, tag: str, since: float) -> set[str]:
        """Digests that the tag may have for who reads at `since` or later.

        Some acknowledged push, or one whose end nobody knows, but none that had ended before the last that was
        acknowledged by then began.
        """
        with self._lock:
            pushes = [attempt for attempt in self.attempts if (attempt.name, attempt.tag) == (name, tag)]
        latest = max((push.started for push in pushes if push.finished < since), default=0.0)
        return {push.digest for push in pushes if push.finished >= latest}


def losses(client: Client, history: History, attempts: Sequence[Attempt]) -> list[str]:
    """What of these acknowledged attempts is gone or damaged, and which tags are wrong, in words."""
    contents = {(attempt.name, attempt.digest): attempt for attempt in attempts}
    found = [loss for attempt in contents.values() if (loss := _content_loss(client, attempt)) is not None]
    for name, tag in history.tags():
        before = time.monotonic()
        try:
            answer = client.manifest(name, tag)
        except Unexpected as problem:
            found.append(f"tag {name}:{tag}: status {problem.status}")
            continue
        digest = answer.headers["Docker-Content-Digest"]
        if digest != digest_of(answer.body):
            found.append(f"tag {name}:{tag}: the bytes are not those of {digest}")
        if digest not in history.allowed(name, tag, before):
            found.append(f"tag {name}:{tag}: {digest} was overwritten before")
    return found


def _content_loss(client: Client, attempt: Attempt) -> str | None:
    what = f"{attempt.name}@{attempt.digest}"
    try:
        if attempt.tag is None:
            content = client.blob(attempt.name, attempt.digest)
        else:
            content = client.manifest(attempt.name, attempt.digest).body
    except Unexpected as problem:
        return f"{what}: status {problem.status}"
    return None if digest_of(content) == attempt.digest else f"{what}: damaged"
