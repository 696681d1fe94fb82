"""Whether the bytes of every blob are those of its digest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from twisted.internet.defer import Deferred, DeferredLock, FirstError, gatherResults

from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid
from txregistry.registry.checking.findings import Checked, Finding, Kind
from txregistry.registry.checking.hashing import Hashing
from txregistry.registry.checking.links import empty_folder, not_a_file, strays
from txregistry.registry.checking.place import Reached
from txregistry.registry.checking.settling import Settling
from txregistry.registry.checking.view import View
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound

# How many files are read at once: one on the disk while another is in the processor.
LANES = 2
_DATA = "data"


class ContentCheck:
    """For one run."""

    def __init__(self, view: View, hashing: Hashing, settling: Settling, checked: Checked) -> None:
        self._view = view
        self._hashing = hashing
        self._settling = settling
        self._checked = checked

    async def measure(self) -> int:
        """How many bytes there are to hash."""
        total = 0
        async for digest in self._digests(None, examine=False):
            info = await self._view.info(layout.blob_data(digest))
            total += 0 if info is None else info.size
        return total

    async def run(self, last: Digest | None, reached: Reached) -> None:
        """Look at every blob behind `last`. `reached` is told of digests up to which all is done."""
        lanes = _Lanes(self._digests(last, examine=True))
        running = [Deferred.fromCoroutine(self._lane(lanes, reached)) for _ in range(LANES)]
        try:
            await gatherResults(running, consumeErrors=True)
        except FirstError as error:
            error.subFailure.raiseException()
        finally:
            for lane in running:
                lane.cancel()
        await self._settling.settle()

    async def _lane(self, lanes: _Lanes, reached: Reached) -> None:
        while (taken := await lanes.take()) is not None:
            number, digest = taken
            await self._settling.examine(partial(self._blob, digest))
            self._checked.blobs += 1
            lanes.done(number, digest)
            if lanes.behind is not None:
                await reached(str(lanes.behind))

    async def _blob(self, digest: Digest) -> list[Finding]:
        path = layout.blob_data(digest)
        folder = path.removesuffix(f"/{_DATA}")
        children = await self._view.names(folder)
        if not children:
            return await empty_folder(self._view, folder, None)
        found = strays(folder, children, (_DATA,), None)
        before = await self._view.info(path)
        if before is None or before.is_folder:
            return found if _DATA not in children else [*found, *await not_a_file(self._view, folder, _DATA, None)]
        try:
            hashed = await self._hashing.hex(path, digest.algorithm)
        except PathNotFound:
            return found
        self._checked.bytes += before.size
        if hashed == digest.hex:
            return found
        detail = f"its {before.size} bytes have the digest {digest.algorithm}:{hashed}"
        return [*found, Finding(Kind.DAMAGED_BLOB, path, detail, None, str(digest), evidence=before)]

    async def _digests(self, last: Digest | None, examine: bool) -> AsyncIterator[Digest]:
        """All digests behind `last` in order; with `examine` the folders on the way are looked at too."""
        if examine and last is None:
            await self._settling.examine(self._algorithms)
        for algorithm in HEX_LENGTHS:
            if last is not None and algorithm < last.algorithm:
                continue
            begun = last if last is not None and last.algorithm == algorithm else None
            if examine:
                await self._settling.examine(partial(self._prefixes, algorithm))
            for prefix in await self._view.names(f"{layout.BLOBS}/{algorithm}"):
                if begun is not None and prefix < begun.hex[:2]:
                    continue
                if examine:
                    await self._settling.examine(partial(self._prefix, algorithm, prefix))
                for encoded in await self._view.names(f"{layout.BLOBS}/{algorithm}/{prefix}"):
                    digest = _digest(algorithm, prefix, encoded)
                    if digest is not None and (begun is None or begun < digest):
                        yield digest

    async def _algorithms(self) -> list[Finding]:
        return [
            Finding(Kind.UNKNOWN_ALGORITHM, f"{layout.BLOBS}/{name}", "not an algorithm that is read here")
            for name in await self._view.names(layout.BLOBS)
            if name not in HEX_LENGTHS
        ]

    async def _prefixes(self, algorithm: str) -> list[Finding]:
        return [
            Finding(Kind.STRAY, f"{layout.BLOBS}/{algorithm}/{name}", "not the first two digits of a digest")
            for name in await self._view.names(f"{layout.BLOBS}/{algorithm}")
            if not _is_prefix(name)
        ]

    async def _prefix(self, algorithm: str, prefix: str) -> list[Finding]:
        folder = f"{layout.BLOBS}/{algorithm}/{prefix}"
        if not _is_prefix(prefix):
            return []
        names = await self._view.names(folder)
        if not names:
            # An empty one is no finding: a collection leaves it, as registry:2 does, and there are 256 of them at most.
            return [one for one in await empty_folder(self._view, folder, None) if one.kind is not Kind.EMPTY_FOLDER]
        return [
            Finding(Kind.STRAY, f"{folder}/{name}", "not a digest that belongs there")
            for name in names
            if _digest(algorithm, prefix, name) is None
        ]


class _Lanes:
    """Hands out digests to several takers, and knows up to which of them all are done."""

    def __init__(self, digests: AsyncIterator[Digest]) -> None:
        self._digests = digests
        self._lock = DeferredLock()
        self._taken = 0
        self._running: set[int] = set()
        self._finished: tuple[int, Digest] | None = None
        self.behind: Digest | None = None

    async def take(self) -> tuple[int, Digest] | None:
        """The next one with its number; None after the last."""
        await self._lock.acquire()
        try:
            digest = await anext(self._digests, None)
            if digest is None:
                return None
            self._taken += 1
            self._running.add(self._taken)
            return self._taken, digest
        finally:
            self._lock.release()

    def done(self, number: int, digest: Digest) -> None:
        """This one is done."""
        self._running.discard(number)
        if self._finished is None or number > self._finished[0]:
            self._finished = number, digest
        if not self._running or min(self._running) > self._finished[0]:
            self.behind = self._finished[1]


def _is_prefix(name: str) -> bool:
    return len(name) == 2 and not set(name) - set("0123456789abcdef")


def _digest(algorithm: str, prefix: str, encoded: str) -> Digest | None:
    try:
        digest = Digest.parse(f"{algorithm}:{encoded}")
    except DigestInvalid:
        return None
    return digest if digest.hex[:2] == prefix else None
