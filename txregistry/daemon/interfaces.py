"""What the daemon asks of a reactor."""

from __future__ import annotations

from twisted.internet.interfaces import (
    IReactorCore,
    IReactorFromThreads,
    IReactorSocket,
    IReactorTCP,
    IReactorTime,
    IReactorUNIX,
)

__all__ = ["IReactor"]


class IReactor(IReactorCore, IReactorFromThreads, IReactorSocket, IReactorTCP, IReactorTime, IReactorUNIX):
    """The global reactor of a POSIX system provides all of it, without declaring this name for the sum."""
