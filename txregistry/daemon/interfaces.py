"""What the daemon asks of a reactor."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorCore, IReactorFDSet, IReactorFromThreads, IReactorTime

__all__ = ["IReactor"]


class IReactor(IReactorCore, IReactorFDSet, IReactorFromThreads, IReactorTime):
    """The global reactor of a POSIX system provides all of it, without declaring this name for the sum."""
