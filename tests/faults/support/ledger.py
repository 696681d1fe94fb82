"""What clients asked for and were told about tags and manifests, and what a reader may see because of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field

NEVER = float("inf")
# A push that was overwritten so many seconds ago is of no interest to any reader.
_REMEMBERED = 120.0


@define(eq=False)
class Put:
    """A manifest was pushed under a tag; times are of this machine's monotonic clock."""

    name: str
    tag: str
    digest: str
    started: float
    finished: float = NEVER


@define(eq=False)
class Deletion:
    """A manifest, with every tag that named it, was deleted by its digest."""

    name: str
    digest: str
    started: float
    finished: float = NEVER


@define
class Ledger:
    """Of many clients at once. What never got an answer may have happened, or may happen yet."""

    puts: list[Put] = field(factory=list)
    deletions: list[Deletion] = field(factory=list)
    # Blobs and artifacts of which the registry said that it has them: (repository, digest), and with their subject.
    blobs: set[tuple[str, str]] = field(factory=set)
    attached: dict[tuple[str, str], set[str]] = field(factory=dict)
    _lock: threading.Lock = field(factory=threading.Lock)
    _by_tag: dict[tuple[str, str], list[Put]] = field(init=False)
    _by_digest: dict[tuple[str, str], list[Deletion]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._by_tag, self._by_digest = {}, {}
        for put in self.puts:
            self._by_tag.setdefault((put.name, put.tag), []).append(put)
        for deletion in self.deletions:
            self._by_digest.setdefault((deletion.name, deletion.digest), []).append(deletion)

    @contextmanager
    def put(self, name: str, tag: str, digest: str) -> Iterator[None]:
        """The body ends without an exception when the registry has said yes, and only then."""
        put = Put(name, tag, digest, time.monotonic())
        with self._lock:
            self.puts.append(put)
            known = self._by_tag.setdefault((name, tag), [])
            latest = max((one.started for one in known if one.finished < put.started - _REMEMBERED), default=0.0)
            known[:] = [one for one in known if one.finished >= latest]
            known.append(put)
        yield
        put.finished = time.monotonic()

    @contextmanager
    def deletion(self, name: str, digest: str) -> Iterator[None]:
        """In the same way."""
        deletion = Deletion(name, digest, time.monotonic())
        with self._lock:
            self.deletions.append(deletion)
            self._by_digest.setdefault((name, digest), []).append(deletion)
        yield
        deletion.finished = time.monotonic()

    def has_blob(self, name: str, digest: str) -> None:
        """An upload of it was acknowledged."""
        with self._lock:
            self.blobs.add((name, digest))

    def forget_blob(self, name: str, digest: str) -> None:
        """Somebody is about to delete it."""
        with self._lock:
            self.blobs.discard((name, digest))

    def attach(self, name: str, subject: str, digest: str) -> None:
        """A referrer of this subject was acknowledged."""
        with self._lock:
            self.attached.setdefault((name, subject), set()).add(digest)

    def as_of_now(self) -> Ledger:
        """A copy that nothing changes any more."""
        with self._lock:
            return Ledger(
                [Put(one.name, one.tag, one.digest, one.started, one.finished) for one in self.puts],
                [Deletion(one.name, one.digest, one.started, one.finished) for one in self.deletions],
                set(self.blobs),
                {key: set(digests) for key, digests in self.attached.items()},
            )

    def tags(self) -> list[tuple[str, str]]:
        """Repository and name of every tag that some push may have set."""
        with self._lock:
            return sorted({(put.name, put.tag) for put in self.puts})

    def allowed(self, name: str, tag: str, since: float) -> set[str | None]:
        """What the tag may be for who reads it now and began at `since`; None stands for no such tag.

        Some push of it, unless that had ended before the last one that was acknowledged by then began, or what it
        pushed had been deleted since. None, where no push was acknowledged, or one that may be the latest may have been
        deleted.
        """
        with self._lock:
            puts = [
                (put, tuple(self._by_digest.get((name, put.digest), ()))) for put in self._by_tag.get((name, tag), ())
            ]
        latest = max((put.started for put, _ in puts if put.finished < since), default=0.0)
        allowed: set[str | None] = set() if latest else {None}
        for put, deletions in puts:
            if put.finished < latest:
                continue
            fates = [one for one in deletions if one.finished >= put.started]
            if fates:
                allowed.add(None)
            if not any(fate.started > put.finished and fate.finished < since for fate in fates):
                allowed.add(put.digest)
        return allowed

    def kept_manifests(self) -> set[tuple[str, str]]:
        """Those that were acknowledged and that nobody has tried to delete since before that."""
        with self._lock:
            fates: dict[tuple[str, str], float] = {}
            for one in self.deletions:
                fates[one.name, one.digest] = max(one.finished, fates.get((one.name, one.digest), 0.0))
            return {
                (put.name, put.digest)
                for put in self.puts
                if put.finished < NEVER and fates.get((put.name, put.digest), 0.0) < put.started
            }

    def deleted_manifests(self) -> set[tuple[str, str]]:
        """Those of which a deletion was acknowledged that no push can have undone."""
        with self._lock:
            gone = {
                (one.name, one.digest): one.started
                for one in sorted(self.deletions, key=lambda one: one.started)
                if one.finished < NEVER
            }
            back = {
                (put.name, put.digest)
                for put in self.puts
                if (put.name, put.digest) in gone and put.finished >= gone[put.name, put.digest]
            }
        return gone.keys() - back
