"""What looks wrong is looked at again after a moment, so that nothing is reported that was only on its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.registry.checking.findings import Finding, Kind
from txregistry.storage.errors import StorageFailure

Look = Callable[[], Awaitable[Sequence[Finding]]]

# A push, a delete and a collection change one thing after the other; between two steps lies at most a sync (seconds).
PAUSE = 2.0
# How many things that look wrong are remembered before they are looked at again.
_MOST_SUSPECTS = 1000


class Settling:
    """`report` is told of what two looks, a pause apart, have both found."""

    def __init__(self, clock: IReactorTime, report: Callable[[Finding], Awaitable[None]]) -> None:
        self._clock = clock
        self._report = report
        self._suspects: list[tuple[Look, Sequence[Finding]]] = []

    async def examine(self, look: Look) -> bool:
        """Look; remember it for a second look where something seems wrong. Tell whether all is well."""
        found = await _found(look)
        if found:
            self._suspects.append((look, found))
            if len(self._suspects) >= _MOST_SUSPECTS:
                await self.settle()
        return not found

    async def settle(self) -> None:
        """Look again at all that seemed wrong, and report what still does."""
        if not self._suspects:
            return
        suspects, self._suspects = self._suspects, []
        await deferLater(self._clock, PAUSE)
        for look, before in suspects:
            seen = {finding.place for finding in before}
            for finding in await _found(look):
                if finding.place in seen:
                    await self._report(finding)


async def _found(look: Look) -> Sequence[Finding]:
    try:
        return await look()
    except StorageFailure as failure:
        return [Finding(Kind.UNREADABLE, failure.path, failure.reason)]
