"""Do many small things side by side, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure


class Several:
    """`async with Several(most) as several: await several.begin(step)`, and all have ended when the body is left.

    After the first failure nothing more begins, and it is raised by the next `begin` or at the end. Whoever cancels the
    body cancels the steps.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: set[Deferred[object]] = set()
        self._failure: Failure | None = None
        self._waiting: Deferred[None] | None = None

    async def begin(self, step: Coroutine[Deferred[Any], Any, object]) -> None:
        """Wait for room, then start the step."""
        try:
            while len(self._running) >= self._most:
                await self._one_ended()
            self._raise()
        except BaseException:
            step.close()
            raise
        running: Deferred[object] = Deferred.fromCoroutine(step)
        self._running.add(running)
        running.addErrback(self._failed).addBoth(self._ended, running)

    async def __aenter__(self) -> Several:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, CancelledError):
            for running in tuple(self._running):
                running.cancel()
        while self._running:
            await self._one_ended()
        if error is None:
            self._raise()

    async def _one_ended(self) -> None:
        self._waiting = Deferred()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _failed(self, failure: Failure) -> None:
        if self._failure is None:
            self._failure = failure

    def _ended(self, _result: object, running: Deferred[object]) -> None:
        self._running.discard(running)
        if self._waiting is not None:
            self._waiting.callback(None)

    def _raise(self) -> None:
        if self._failure is not None:
            self._failure.raiseException()
