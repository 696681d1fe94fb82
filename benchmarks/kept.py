"""Folders that are written once and kept for the next run: they take longer to write than to measure."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmarks.store import remove_repository

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["kept"]

_LAYOUT = 1
"""Counted up when what is written changes."""
_Facts = TypeVar("_Facts", bound="DataclassInstance")


def kept(folder: Path, scale: DataclassInstance, kind: type[_Facts], write: Callable[[Path], _Facts]) -> _Facts:
    """What is known of the folder; written, if it is not there whole and of this scale.

    The facts stand in a file beside it, which is written last.
    """
    note = folder.with_suffix(".json")
    wanted = json.dumps([_LAYOUT, asdict(scale)])
    if note.exists():
        told = json.loads(note.read_text())
        if told["scale"] == wanted:
            _remove_pushed(folder)
            facts = told["facts"].items()
            return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in facts})
        note.unlink()
    print(f"writing {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = write(folder)
    os.sync()
    note.write_text(json.dumps({"scale": wanted, "facts": asdict(written)}))
    return written


def _remove_pushed(folder: Path) -> None:
    """What an interrupted run has left."""
    for left in (folder / "docker/registry/v2/repositories/pushed").glob("*"):
        remove_repository(folder, f"pushed/{left.name}")
