"""A disk that reads slowly for one process: a loop device that its control group may read only so fast."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SlowDisk", "SlowDiskUnavailable", "evict", "slow_disk"]

_CONTROLLER = Path("/sys/fs/cgroup/blkio")


class SlowDiskUnavailable(Exception):
    """This machine lets nobody make one; carries what failed."""


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """A mounted filesystem, and the control group whose processes it holds up."""

    root: Path
    device: str
    group: Path

    def hold_up(self, pid: int, rate: int) -> None:
        """Let this process read so many bytes a second, 0: as many as there are."""
        (self.group / "cgroup.procs").write_text(str(pid))
        (self.group / "blkio.throttle.read_bps_device").write_text(f"{self.device} {rate}")


@contextmanager
def slow_disk(scratch: Path, size: int) -> Iterator[SlowDisk]:
    """An ext4 of so many bytes, gone at the end. Raise `SlowDiskUnavailable` without root or cgroup version 1."""
    image, root, group = scratch / "disk.img", scratch / "disk", _CONTROLLER / f"slow-{os.getpid()}"
    image.touch()
    os.truncate(image, size)
    root.mkdir()
    try:
        _call("mkfs.ext4", "-q", str(image))
        loop = _call("losetup", "--find", "--show", "--direct-io=on", str(image))
    except (OSError, subprocess.CalledProcessError) as failure:
        raise SlowDiskUnavailable(f"no loop device: {failure}") from failure
    try:
        _call("mount", loop, str(root))
        try:
            group.mkdir()
            yield SlowDisk(root, Path(f"/sys/block/{Path(loop).name}/dev").read_text().strip(), group)
        except FileNotFoundError as failure:
            raise SlowDiskUnavailable(f"no control group for block devices: {failure}") from failure
        finally:
            if group.exists():
                group.rmdir()
            _call("umount", str(root))
    finally:
        _call("losetup", "--detach", loop)


def evict(path: Path) -> None:
    """Have no byte of the file in memory; raise `SlowDiskUnavailable` where one stays."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
        except BlockingIOError:
            return
        raise SlowDiskUnavailable(f"{path} stays in memory")
    finally:
        os.close(descriptor)


def _call(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
