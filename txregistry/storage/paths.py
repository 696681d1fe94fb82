"""Which paths a driver accepts."""

from __future__ import annotations

from txregistry.storage.errors import InvalidPath


def check_path(path: str) -> None:
    """Raise `InvalidPath` unless the path is relative and every segment is a name that may be listed.

    A segment that begins with a dot is refused, which covers '.' and '..': drivers name their unfinished files so, and
    no repository, tag, digest or upload can be called so.
    """
    rooted = "/" + path
    if "/." in rooted or "//" in rooted or rooted[-1] == "/" or "\0" in path:
        raise InvalidPath(path)
