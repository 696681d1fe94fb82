"""A world that is checked, and the small damages that its tests do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from tests.registry.world import World, now
from txregistry.concurrency.workers import InlineWorkers
from txregistry.oci.digest import Digest
from txregistry.registry.checking.checker import Checker
from txregistry.registry.checking.findings import Checked, Finding, Kind
from txregistry.registry.checking.settling import PAUSE
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound

T = TypeVar("T")

DAY = 86_400.0


class Examined(World):
    """Whatever is checked takes as much time as it needs; `meanwhile` happens between the first and the second look."""

    def __init__(self) -> None:
        super().__init__()
        self.clock.advance(20_000 * DAY)
        self.found: list[Finding] = []
        self.checked = Checked()

    def checker(self, rate: float | None = None) -> Checker:
        """A checker of this store."""
        return Checker(self.driver, InlineWorkers(), self.clock, self.validation, rate, now=self.clock.seconds)

    def check(
        self, repair: bool = False, rate: float | None = None, meanwhile: Callable[[], object] = lambda: None
    ) -> list[tuple[Kind, str]]:
        """What is found wrong, and where."""
        self.found, self.checked = [], Checked()
        self.later(self.checker(rate).run(self.found.append, repair, self.checked), meanwhile)
        return sorted(((finding.kind, finding.path) for finding in self.found), key=lambda pair: pair[1])

    def later(self, step: Awaitable[T], meanwhile: Callable[[], object] = lambda: None) -> T:
        """The result of what waits for the clock."""

        async def run() -> T:
            return await step

        results: list[T] = []
        failures: list[Any] = []
        Deferred.fromCoroutine(run()).addCallbacks(results.append, failures.append)
        if not results and not failures:
            meanwhile()
        for _ in range(10_000):
            if results or failures:
                break
            self.clock.advance(PAUSE)
        if failures:
            failures[0].raiseException()
        return results[0]

    def damage(self, digest: Digest) -> None:
        """Flip a bit in the middle of stored content."""
        path = layout.blob_data(digest)
        content = bytearray(now(self.driver.read(path)).data)
        content[len(content) // 2] ^= 1
        now(self.driver.write(path, bytes(content)))

    def lose(self, path: str) -> None:
        """Something is not there any more, and nor is its folder if that is all there was in it."""
        now(self.driver.delete(path))
        now(self.driver.remove_empty(path.rpartition("/")[0]))

    def write(self, path: str, content: bytes = b"") -> None:
        """Something stands there that nobody pushed."""
        now(self.driver.write(path, content))

    def empty_folder(self, path: str) -> None:
        """A folder as a crash leaves it."""
        now(self.driver.write(f"{path}/file", b""))
        now(self.driver.delete(f"{path}/file"))

    def has(self, path: str) -> bool:
        """Whether the path exists."""
        try:
            now(self.driver.stat(path))
        except PathNotFound:
            return False
        return True

    def quarantine(self) -> list[str]:
        """The paths below v2 of what was put aside."""
        stamps = now(self.driver.list(layout.QUARANTINE)) if self.has(layout.QUARANTINE) else ()
        return [path for stamp in stamps for path in self._files(f"{layout.QUARANTINE}/{stamp}", "")]

    def _files(self, top: str, below: str) -> list[str]:
        path = f"{top}/{below}" if below else top
        if not now(self.driver.stat(path)).is_folder:
            return [below]
        names = now(self.driver.list(path))
        return [file for name in names for file in self._files(top, f"{below}/{name}" if below else name)]
