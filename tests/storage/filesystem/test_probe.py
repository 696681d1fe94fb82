"""What is found out about a filesystem."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from txregistry.storage.filesystem.probe import filesystem_type, probe, reports_failed_writes

_MOUNTS = r"""
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
22 21 0:20 / /proc rw - proc proc rw
40 21 0:35 / /srv rw,relatime shared:1 - nfs4 server:/export rw,vers=4.2
41 40 0:36 / /srv/registry rw,relatime shared:2 master:1 - tmpfs tmpfs rw
42 21 0:37 / /srv/a\040disk rw - xfs /dev/vdb rw
43 21 0:38 / /over rw - fuse.sshfs host: rw
44 43 0:39 / /over rw - btrfs /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/lib/registry", "ext4"),
        ("/srv", "nfs4"),
        ("/srv/other", "nfs4"),
        ("/srv/registry", "tmpfs"),
        ("/srv/registry/docker", "tmpfs"),
        ("/srv/registry2", "nfs4"),
        ("/srv/a disk/x", "xfs"),
        ("/over/x", "btrfs"),
    ],
)
def test_the_innermost_and_last_mount_tells_the_type(path: str, kind: str) -> None:
    assert filesystem_type(path, _MOUNTS.strip()) == kind


def test_without_a_mount_table_nothing_is_known() -> None:
    assert filesystem_type("/", "") == ""


def test_probing_leaves_nothing(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    traits = probe(str(tmp_path))
    assert traits.sync_folders
    assert traits.lock_folders
    assert list(tmp_path.iterdir()) == []
    assert os.listdir("/proc/self/fd") == before


def test_a_folder_that_is_not_there_cannot_be_probed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        probe(str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("release", "does"),
    [("5.7.19", False), ("5.8.0", True), ("5.10.0-32-amd64", True), ("6.1", True), ("4.19.0", False), ("odd", False)],
)
def test_syncfs_reports_what_could_not_be_written_since_linux_5_8(release: str, does: bool) -> None:
    assert reports_failed_writes(release) is does
