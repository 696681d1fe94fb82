"""What an error of the operating system means to whoever called the driver."""

from __future__ import annotations

import errno

from txregistry.storage.errors import InvalidPath, PathNotFound, StorageFailure

# Too long a name cannot exist, and below a file there is nothing. A link instead of a file was not put there by us.
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR, errno.ENXIO})
_OUT_OF_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


def while_reading(error: OSError | ValueError, path: str) -> PathNotFound | InvalidPath | StorageFailure:
    """The exception to raise where `path` was to be read."""
    if isinstance(error, OSError) and error.errno in ABSENT:
        return PathNotFound(path)
    return while_writing(error, path)


def while_changing(error: OSError | ValueError, path: str) -> PathNotFound | InvalidPath | StorageFailure:
    """The exception to raise where what already exists was to be changed or removed."""
    if isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return PathNotFound(path)
    return while_writing(error, path)


def while_writing(error: OSError | ValueError, path: str) -> InvalidPath | StorageFailure:
    """The exception to raise where something new was to be written."""
    if not isinstance(error, OSError):
        return InvalidPath(path)  # A NUL or a character that the filesystem's encoding does not have.
    return StorageFailure(path, error.strerror or str(error), error.errno in _OUT_OF_SPACE)
