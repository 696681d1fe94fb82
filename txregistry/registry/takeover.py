"""One upload session, one writer: how a request gets hold of a session, and how a silent one loses it."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txregistry.concurrency.pausing import pause
from txregistry.oci.errors import UploadUnknown
from txregistry.oci.names import RepositoryName, UploadId
from txregistry.storage import layout
from txregistry.storage.errors import Locked, PathNotFound, StorageFailure
from txregistry.storage.interfaces import ILock, IStorageDriver, IWriter

# A client whose connection is half dead comes back on a new one while the old request still holds the session
# (draft-ietf-httpbis-resumable-upload, "Concurrency"). The newcomer asks for it and waits; a holder that has been
# silent lets go; one that is alive keeps it, and the newcomer is refused.
WAIT_SECONDS = 5.0
RETRY_SECONDS = 0.25
SILENCE_SECONDS = 3.0
_LOOK_SECONDS = 1.0


@define(eq=False)
class Hold:
    """A held session. `taken` is set when it was given up to another request."""

    lock: ILock
    wanted: str
    writer: IWriter | None = None
    streaming: Deferred[int] | None = None
    taken: bool = False
    seen: tuple[int, float] = field(default=(-1, 0.0))


class Holds:
    """The sessions that this process holds, looked after once a second while there are any."""

    def __init__(self, driver: IStorageDriver, clock: IReactorTime) -> None:
        self._driver = driver
        self._clock = clock
        self._held: set[Hold] = set()
        self._look: IDelayedCall | None = None

    async def acquire(self, name: RepositoryName, upload: UploadId) -> Hold:
        """Lock the session among all processes; raise `UploadUnknown`, or `Locked` when its holder is alive."""
        folder, wanted = layout.upload(name, upload), layout.upload_takeover(name, upload)
        deadline = self._clock.seconds() + WAIT_SECONDS
        asked = False
        while True:
            try:
                lock = await self._driver.lock(folder)
                break
            except PathNotFound:
                raise UploadUnknown(upload) from None
            except Locked:
                if self._clock.seconds() >= deadline:
                    raise
            if not asked:
                asked = True
                await self._driver.write(wanted, b"", durable=False)
            await pause(self._clock, RETRY_SECONDS)
        try:
            if asked:
                await self._withdraw(wanted)
            # The holder before us may have ended the session while we waited at its door.
            await self._see_that_it_lives(name, upload)
        except PathNotFound:
            lock.release()
            raise UploadUnknown(upload) from None
        except BaseException:
            lock.release()
            raise
        hold = Hold(lock, wanted)
        self._held.add(hold)
        if self._look is None:
            self._look = self._clock.callLater(_LOOK_SECONDS, self._look_around)
        return hold

    def release(self, hold: Hold) -> None:
        """Let others have the session."""
        self._held.discard(hold)
        hold.lock.release()
        if not self._held and self._look is not None:
            self._look.cancel()
            self._look = None

    async def _see_that_it_lives(self, name: RepositoryName, upload: UploadId) -> None:
        try:
            await self._driver.stat(layout.upload_started(name, upload))
        except PathNotFound:
            # A process that died as it finished the upload may have left the bytes alone.
            await self._driver.stat(layout.upload_data(name, upload))

    async def _withdraw(self, wanted: str) -> None:
        try:
            await self._driver.delete(wanted, durable=False)
        except PathNotFound:
            return  # Another newcomer was served by the same wish.

    def _look_around(self) -> None:
        self._look = self._clock.callLater(_LOOK_SECONDS, self._look_around)
        now = self._clock.seconds()
        for hold in tuple(self._held):
            if hold.streaming is None or hold.writer is None:
                continue
            if hold.writer.offset != hold.seen[0]:
                hold.seen = (hold.writer.offset, now)
            elif now - hold.seen[1] >= SILENCE_SECONDS:
                Deferred.fromCoroutine(self._yield_if_wanted(hold))

    async def _yield_if_wanted(self, hold: Hold) -> None:
        try:
            await self._driver.stat(hold.wanted)
        except (PathNotFound, StorageFailure):
            return
        if hold.streaming is not None:
            hold.taken = True
            hold.streaming.cancel()
