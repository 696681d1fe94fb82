"""A whole check of a store: first the bytes of all blobs, then every link of every repository."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

from attrs import define, evolve
from twisted.internet.interfaces import IReactorTime

from txregistry.concurrency.turns import Turns
from txregistry.concurrency.workers import IWorkers
from txregistry.config.model import Validation
from txregistry.oci.digest import Digest
from txregistry.registry.checking.content import ContentCheck
from txregistry.registry.checking.findings import Checked, Finding
from txregistry.registry.checking.hashing import Hashing
from txregistry.registry.checking.links import LinkCheck
from txregistry.registry.checking.manifests import ManifestCheck
from txregistry.registry.checking.needs import wanted_by
from txregistry.registry.checking.place import Phase, Place
from txregistry.registry.checking.referrers import ReferrerCheck
from txregistry.registry.checking.repairs import Repairs
from txregistry.registry.checking.repository import RepositoryCheck
from txregistry.registry.checking.settling import Settling
from txregistry.registry.checking.tags import TagCheck
from txregistry.registry.checking.throttle import Throttle
from txregistry.registry.checking.tree import Tree, repository_name
from txregistry.registry.checking.uploads import UploadCheck
from txregistry.registry.checking.view import View
from txregistry.registry.parsing import ManifestParsing
from txregistry.storage.interfaces import IStorageDriver

# Distribution purges uploads after a week (seconds).
UPLOAD_AGE = 7 * 86_400.0


@define(eq=False)
class Checker:
    """May run beside servers, collections and other checks: it changes nothing unless it repairs.

    `rate` is in bytes per second, None without a limit; `upload_age` is how long an upload may rest, in seconds; `now`
    tells seconds since the epoch.
    """

    _driver: IStorageDriver
    _workers: IWorkers
    _clock: IReactorTime
    _validation: Validation
    _rate: float | None = None
    _upload_age: float = UPLOAD_AGE
    _now: Callable[[], float] = time.time

    async def measure(self) -> int:
        """How many bytes a run will hash."""
        return await self._run(_ignore, Checked(), False).measure()

    async def run(
        self,
        report: Callable[[Finding], None],
        repair: bool = False,
        checked: Checked | None = None,
        begin: Place | None = None,
        reached: Callable[[Place], Awaitable[None]] | None = None,
    ) -> Checked:
        """Look at everything behind `begin`; `report` is told of each finding.

        `checked` is counted up meanwhile and returned. `reached` is called when everything up to a place is done and
        reported. Raise `StorageFailure` where a folder cannot be listed.
        """
        checked = Checked() if checked is None else checked
        run = self._run(report, checked, repair)
        begin = Place() if begin is None else begin
        if begin.phase is Phase.BLOBS:
            await run.blobs(Digest.parse(begin.last) if begin.last else None, reached)
            begin = Place(Phase.REPOSITORIES)
        await run.repositories(begin.last, reached)
        return checked

    def _run(self, report: Callable[[Finding], None], checked: Checked, repair: bool) -> _Run:
        repairs = Repairs(self._driver, self._now()) if repair else None

        async def deliver(finding: Finding) -> None:
            if repairs is not None:
                finding = evolve(finding, repaired=await repairs.apply(finding))
            report(finding)

        view = View(self._driver, Turns(self._clock).loop())
        settling = Settling(self._clock, deliver)
        hashing = Hashing(self._driver, self._workers, Throttle(self._clock, self._rate))
        links, referrers = LinkCheck(view, hashing), ReferrerCheck(view, ManifestParsing(self._workers))
        manifests = ManifestCheck(view, links, referrers, self._workers, wanted_by(self._validation))
        tags, uploads = TagCheck(view, links), UploadCheck(view, self._now, self._upload_age)
        repository = RepositoryCheck(view, settling, checked, links, manifests, tags, uploads, referrers)
        return _Run(Tree(view), settling, ContentCheck(view, hashing, settling, checked), repository)


@define(eq=False)
class _Run:
    _tree: Tree
    _settling: Settling
    _content: ContentCheck
    _repository: RepositoryCheck

    async def measure(self) -> int:
        return await self._content.measure()

    async def blobs(self, last: Digest | None, reached: Callable[[Place], Awaitable[None]] | None) -> None:
        async def told(text: str) -> None:
            await self._tell(Place(Phase.BLOBS, text), reached)

        await self._content.run(last, told)

    async def repositories(self, last: str, reached: Callable[[Place], Awaitable[None]] | None) -> None:
        async for text in self._tree.folders(last):
            await self._settling.examine(partial(self._tree.folder, text))
            name = repository_name(text)
            if name is not None and await self._tree.is_repository(text):
                await self._repository.run(name)
            await self._tell(Place(Phase.REPOSITORIES, text), reached)
        await self._settling.settle()

    async def _tell(self, place: Place, reached: Callable[[Place], Awaitable[None]] | None) -> None:
        if reached is not None:
            await self._settling.settle()
            await reached(place)


def _ignore(_finding: Finding) -> None:
    """Measuring finds nothing."""
