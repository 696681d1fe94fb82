"""Whether the folder of the store is there and can be written, found out before anything is served."""

from __future__ import annotations

import os
import tempfile

from txregistry.daemon.problems import StorageUnusable


def prepare_root(folder: str, read_only: bool) -> None:
    """Make the folder if it is missing, and try a file in it; blocks. Raise `StorageUnusable`.

    With `read_only` nothing is made and nothing written: the folder may be a mount that does not allow it.
    """
    try:
        if read_only:
            os.listdir(folder)
            return
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageUnusable(folder, error.strerror or str(error)) from error
