"""Changes that are made durable together share syncs, and succeed or fail each by itself."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from txregistry.storage.filesystem.commit import Change, Received, commit
from txregistry.storage.filesystem.durable import DurableTree, SyncFailed
from txregistry.storage.filesystem.whole import FEWEST, WholeFilesystem
from txregistry.testing.syscalls import WatchedCalls

CONTENT = b"content"


class _BreakingCalls(WatchedCalls):
    """Syncs of one path fail, or those of the whole.

    `vanishing` does so as it is renamed, and `meddle` is written as the first folder is renamed.
    """

    broken = ""
    broken_as_whole = False
    vanishing = ""
    meddle = ""

    def fdatasync(self, descriptor: int) -> None:
        self._break(descriptor)
        super().fdatasync(descriptor)

    def fsync(self, descriptor: int) -> None:
        self._break(descriptor)
        super().fsync(descriptor)

    def syncfs(self, descriptor: int) -> None:
        if self.broken_as_whole:
            self.log.append("syncfs, in vain")
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().syncfs(descriptor)

    def rename(self, source: str, target: str) -> None:
        if source == self.vanishing:
            os.unlink(source)
        if self.meddle and os.path.isdir(source):
            Path(self.meddle).parent.mkdir(parents=True, exist_ok=True)
            Path(self.meddle).write_bytes(b"meddled")
            self.meddle = ""
        super().rename(source, target)

    def _break(self, descriptor: int) -> None:
        if self.broken and os.readlink(f"/proc/self/fd/{descriptor}") == self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class _Store:
    """A folder in which uploads wait to be committed."""

    def __init__(self, root: Path, whole: bool = False) -> None:
        """With `whole` the filesystem can be synced as a whole, and has been once."""
        self.root = root
        self.calls = _BreakingCalls(str(root))
        filesystem = WholeFilesystem(str(root), self.calls, whole, timer=lambda: 0.0)
        self.tree = DurableTree(str(root), self.calls, whole=filesystem)
        if whole:
            assert not filesystem.sync()

    def upload(self, number: int, blob: str, repository: str = "repository") -> Change:
        """One that was received whole, and its blob and link."""
        folder = f"{self.root}/{repository}/_uploads/{number}"
        self.tree.put(f"{folder}/startedat", b"now")
        descriptor = self.tree.create(f"{folder}/data")
        self.tree.write_at(descriptor, [CONTENT], 0)
        target = f"{self.root}/blobs/{blob[:2]}/{blob}/data"
        received = Received(descriptor, len(CONTENT), False, f"{folder}/data", target, folder)
        return Change([(f"{self.root}/{repository}/_layers/{blob}/link", blob.encode())], received)

    def commit(self, changes: Sequence[Change]) -> list[int | None]:
        """The numbers of the errors; closes what failed."""
        del self.calls.log[:]
        failures = commit(self.tree, changes)
        for change, failure in zip(changes, failures, strict=True):
            if failure is not None and change.received is not None:
                self.calls.close(change.received.descriptor)
        return [failure.errno if isinstance(failure, OSError) else None for failure in failures]

    def lost(self, blob: str, repository: str = "repository") -> list[str]:
        """What a power cut would take of a blob and its link."""
        paths = (f"blobs/{blob[:2]}/{blob}/data", f"{repository}/_layers/{blob}/link")
        assert all((self.root / path).is_file() for path in paths)
        return [lost for path in paths for lost in self.calls.lost_in_a_power_cut(path)]

    def syncs(self) -> list[str]:
        """The paths that were synced, sorted."""
        return sorted(line.split()[1] for line in self.calls.log if line.split()[0] in ("fsync", "fdatasync"))


def test_folders_that_several_need_are_synced_once(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    assert store.commit([store.upload(0, "aa00")]) == [None]
    blobs = ["aa01", "aa02", "bb03"]
    assert store.commit([store.upload(number, blob) for number, blob in enumerate(blobs, 1)]) == [None] * 3
    assert [store.lost(blob) for blob in blobs] == [[], [], []]
    links = [path for path in store.syncs() if path.startswith("repository/_layers/") and path.endswith(".tmp")]
    assert len(links) == 3
    assert [path for path in store.syncs() if path not in links] == [
        # Made for bb03.
        *("blobs", "blobs/aa", "blobs/aa/aa01", "blobs/aa/aa02", "blobs/bb", "blobs/bb/bb03"),
        *("repository/_layers", *(f"repository/_layers/{blob}" for blob in blobs)),
        *("repository/_uploads", *(f"repository/_uploads/{number}/data" for number in (1, 2, 3))),
    ]
    assert os.listdir(tmp_path / "repository/_uploads") == []


def test_every_content_is_on_disk_before_it_can_be_seen_and_before_its_link_can(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    store.commit([store.upload(number, blob) for number, blob in enumerate(["aa01", "bb02"])])
    log = store.calls.log
    for number, blob in enumerate(["aa01", "bb02"]):
        seen = log.index(f"rename repository/_uploads/{number} blobs/{blob[:2]}/{blob}")
        assert log.index(f"fdatasync repository/_uploads/{number}/data") < seen
        linked = next(place for place, line in enumerate(log) if line.endswith(f"_layers/{blob}/link"))
        for folder in (f"blobs/{blob[:2]}/{blob}", f"blobs/{blob[:2]}", "blobs", "."):
            assert seen < log.index(f"fsync {folder}", seen) < linked


def test_the_disk_begins_with_all_before_any_is_waited_for(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    store.commit([store.upload(number, blob) for number, blob in enumerate(["aa01", "bb02"])])
    began = [line.startswith("begin") for line in store.calls.log if line.startswith(("begin", "fdatasync"))]
    assert began == [True, True, False, False] * 2


def test_a_change_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    changes = [store.upload(number, blob) for number, blob in enumerate(["aa01", "aa02", "aa03"])]
    store.calls.broken = f"{tmp_path}/repository/_uploads/1/data"
    del store.calls.log[:]
    failures = commit(store.tree, changes)
    assert [type(failure) for failure in failures] == [type(None), SyncFailed, type(None)]
    assert store.lost("aa01") == store.lost("aa03") == []
    assert not (tmp_path / "blobs/aa/aa02").exists()
    assert not (tmp_path / "repository/_layers/aa02").exists()
    assert (tmp_path / "repository/_uploads/1/data").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_synced_fails_all_who_need_it_and_nobody_else(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    changes = [store.upload(number, blob) for number, blob in enumerate(["aa01", "bb02", "aa03"])]
    store.calls.broken = f"{tmp_path}/blobs/aa"
    assert store.commit(changes) == [errno.EIO, None, errno.EIO]
    assert store.lost("bb02") == []
    assert [path.parent.name for path in tmp_path.glob("repository/_layers/*/*")] == ["bb02"]


def test_the_same_content_twice_at_once_is_stored_once_and_linked_twice(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    assert store.commit([store.upload(1, "aa01"), store.upload(2, "aa01", "another")]) == [None, None]
    assert store.lost("aa01") == store.lost("aa01", "another") == []
    assert os.listdir(tmp_path / "blobs/aa/aa01") == ["data"]
    assert os.listdir(tmp_path / "repository/_uploads") == os.listdir(tmp_path / "another/_uploads") == []


def test_what_somebody_puts_into_the_upload_as_it_becomes_content_goes(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    change = store.upload(1, "aa01")
    store.calls.meddle = f"{tmp_path}/repository/_uploads/1/_takeover"
    assert store.commit([change]) == [None]
    assert os.listdir(tmp_path / "blobs/aa/aa01") == ["data"]


def test_a_file_of_the_upload_that_vanishes_is_not_written_over(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    change = store.upload(1, "aa01")
    store.calls.vanishing = f"{tmp_path}/repository/_uploads/1/startedat"
    assert store.commit([change]) == [None]
    assert store.lost("aa01") == []


def test_a_file_of_the_upload_that_somebody_is_writing_is_not_written_over(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    change = store.upload(1, "aa01")
    folder = tmp_path / "repository/_uploads/1"
    (folder / "startedat").unlink()
    (folder / ".unfinished.tmp").write_bytes(b"")
    with open(folder / ".unfinished.tmp", "wb") as unfinished:
        assert store.commit([change]) == [None]
        unfinished.write(b"late")
    assert (tmp_path / "repository/_layers/aa01/link").read_bytes() == b"aa01"


def test_content_that_another_process_stores_at_the_same_moment_is_replaced(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    change = store.upload(1, "aa01")
    store.calls.meddle = f"{tmp_path}/blobs/aa/aa01/data"
    assert store.commit([change]) == [None]
    assert (tmp_path / "blobs/aa/aa01/data").read_bytes() == CONTENT
    assert store.lost("aa01") == []
    assert os.listdir(tmp_path / "repository/_uploads") == []


def test_small_files_come_one_after_the_other(tmp_path: Path) -> None:
    store = _Store(tmp_path)
    files = [(f"{tmp_path}/{name}/link", name.encode()) for name in ("first", "second")]
    assert store.commit([Change(files), Change([(f"{tmp_path}/first/other", b"")])]) == [None, None]
    log = store.calls.log
    second = next(place for place, line in enumerate(log) if line.endswith("second/link"))
    assert log.index("fsync first") < second < log.index("fsync second")
    assert log.count("fsync first") == 1


BLOBS = [f"{number:04}" for number in range(FEWEST)]


def test_many_wait_for_one_sync_of_the_whole_filesystem_a_step(tmp_path: Path) -> None:
    store = _Store(tmp_path, whole=True)
    assert store.commit([store.upload(number, blob) for number, blob in enumerate(BLOBS)]) == [None] * FEWEST
    assert [store.lost(blob) for blob in BLOBS] == [[]] * FEWEST
    # The bytes; the folder of the content, and the link's bytes; the link's folder.
    places = [place for place, line in enumerate(store.calls.log) if line == "syncfs ."]
    assert len(places) == 3
    names = [(place, line.split()[2]) for place, line in enumerate(store.calls.log) if line.split()[0] == "rename"]
    contents = [place for place, name in names if name.startswith("blobs/")]
    links = [place for place, name in names if name.endswith("/link")]
    assert len(contents) == len(links) == FEWEST
    assert places[0] < min(contents) < max(contents) < places[1] < min(links) < max(links) < places[2]
    assert not any(line.startswith("fdatasync") for line in store.calls.log)


def test_folders_that_were_synced_with_the_whole_are_not_made_or_synced_again(tmp_path: Path) -> None:
    store = _Store(tmp_path, whole=True)
    store.commit([store.upload(number, blob) for number, blob in enumerate(BLOBS)])
    assert store.commit([store.upload(FEWEST, "00ff")]) == [None]
    assert store.lost("00ff") == []
    assert "fsync blobs" not in store.calls.log


def test_few_do_not_wait_for_the_whole_filesystem(tmp_path: Path) -> None:
    store = _Store(tmp_path, whole=True)
    store.commit([store.upload(number, blob) for number, blob in enumerate(BLOBS[1:])])
    assert "syncfs ." not in store.calls.log


def test_where_the_whole_cannot_be_synced_each_is_asked_about_itself(tmp_path: Path) -> None:
    store = _Store(tmp_path, whole=True)
    changes = [store.upload(number, blob) for number, blob in enumerate(BLOBS)]
    store.calls.broken_as_whole = True
    store.calls.broken = f"{tmp_path}/repository/_uploads/1/data"
    assert store.commit(changes) == [None, errno.EIO, *[None] * (FEWEST - 2)]
    assert [store.lost(blob) for blob in BLOBS if blob != BLOBS[1]] == [[]] * (FEWEST - 1)
    assert store.calls.log.count("syncfs, in vain") == 1
