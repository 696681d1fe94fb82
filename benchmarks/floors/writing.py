"""What storing the same bytes costs where nobody asks for it: hash, write, sync, rename, sync the folder."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.row import PER_BYTE, Floor, Sample, Unit

__all__ = ["writing"]

_PIECE = 1 << 20


def writing(unit: Unit, size: int, clients: int, count: int) -> Floor:
    """So many contents, each hashed and stored durably by one of as many threads as there are clients."""

    def measure(bench: Bench) -> Sample:
        folder = Path(tempfile.mkdtemp(prefix="floor-", dir=bench.scratch))
        content = os.urandom(min(size, _PIECE))
        try:
            _use_memory(folder / "first", size * count)
            before, began = _processor_seconds(), time.monotonic()
            deadline = began + bench.plan.seconds
            with ThreadPoolExecutor(clients) as pool:
                done = sum(pool.map(lambda number: _store(folder / str(number), content, size, deadline), range(count)))
            seconds, cpu = time.monotonic() - began, _processor_seconds() - before
        finally:
            shutil.rmtree(folder)
        if unit is PER_BYTE:
            return Sample(cpu / (done * size / 1e9), done * size / 1e6 / seconds)
        return Sample(cpu / (done / 1e3), done / seconds)

    return measure


def _store(folder: Path, content: bytes, size: int, deadline: float) -> bool:
    """As the load program, begin nothing after the deadline."""
    if time.monotonic() > deadline:
        return False
    folder.mkdir()
    digest = hashlib.sha256()
    descriptor = os.open(folder / "begun", os.O_CREAT | os.O_WRONLY)
    try:
        for written in range(0, size, _PIECE):
            piece = content[: size - written]
            digest.update(piece)
            os.write(descriptor, piece)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(folder / "begun", folder / digest.hexdigest())
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _use_memory(path: Path, size: int) -> None:
    """Have pages used a moment ago, as the load program does for pushes: see `load/backing.h`."""
    with path.open("wb") as file:
        for _ in range(0, min(size, 3 << 29), _PIECE):
            file.write(bytes(_PIECE))
    path.unlink()


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
