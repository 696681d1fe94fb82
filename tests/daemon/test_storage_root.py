from pathlib import Path

import pytest

from txregistry.daemon.problems import StorageUnusable
from txregistry.daemon.storage_root import prepare_root


def test_a_missing_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    prepare_root(str(tmp_path / "var/lib/registry"), read_only=False)
    assert list((tmp_path / "var/lib/registry").iterdir()) == []


def test_the_problem_of_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnusable) as caught:
        prepare_root(str(tmp_path / "file/registry"), read_only=False)
    assert str(caught.value) == f"cannot use the storage folder {tmp_path}/file/registry: Not a directory"


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    # Not even root may make a file here.
    with pytest.raises(StorageUnusable) as caught:
        prepare_root("/proc/self", read_only=False)
    assert caught.value.folder == "/proc/self"


def test_a_read_only_registry_needs_to_read_only() -> None:
    prepare_root("/proc/self", read_only=True)


def test_a_read_only_registry_does_not_make_its_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageUnusable):
        prepare_root(str(tmp_path / "missing"), read_only=True)
    assert not (tmp_path / "missing").exists()
