"""What a storage driver raises."""

from __future__ import annotations

from attrs import frozen


@frozen
class PathNotFound(Exception):
    """Nothing is there."""

    path: str


@frozen
class InvalidPath(Exception):
    """A path that `layout` would never make: a defect of the caller, refused before it can do harm."""

    path: str


@frozen
class Locked(Exception):
    """Somebody else holds the lock."""

    path: str


@frozen
class StorageFailure(Exception):
    """The store cannot do it now: out of space, an input or output error, a lost mount.

    `out_of_space` tells the one case apart that an operator can mend at once.
    """

    path: str
    reason: str
    out_of_space: bool = False
