"""Wait for some time to pass."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


async def pause(clock: IReactorTime, seconds: float) -> None:
    """Wait so long; whoever is cancelled meanwhile leaves no timer behind."""
    waiting: Deferred[None] = Deferred()
    call = clock.callLater(seconds, waiting.callback, None)
    try:
        await waiting
    finally:
        if call.active():
            call.cancel()
