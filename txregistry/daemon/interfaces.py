"""What the daemon asks of a reactor, and of whoever manages it."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import (
    IReactorCore,
    IReactorFDSet,
    IReactorFromThreads,
    IReactorSocket,
    IReactorTime,
)

__all__ = ["IManager", "IReactor"]


class IReactor(IReactorCore, IReactorFDSet, IReactorFromThreads, IReactorSocket, IReactorTime):
    """The global reactor of a POSIX system provides all of it, without declaring this name for the sum."""


class IManager(Protocol):
    """Hears of each change of a service: systemd, or the parent of a worker."""

    @property
    def watchdog(self) -> float | None:
        """How often to call `alive`, in seconds; None where nobody watches."""

    def ready(self) -> None:
        """The service answers."""

    def stopping(self) -> None:
        """The service takes no more connections."""

    def alive(self) -> None:
        """The service could do its work a moment ago."""
