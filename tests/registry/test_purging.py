"""Uploads that nobody has finished, and how they go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.registry.world import APP, OTHER, Bytes, Trickle, World, now
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName, UploadId
from txregistry.registry.purging import Purged
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound

WEEK, HOUR = 168 * 3600.0, 3600.0
START = datetime(2026, 1, 1, tzinfo=UTC)


class Aged(World):
    """A world at a certain time, in which sessions can be as old as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.clock.advance(START.timestamp())

    def upload(self, started: bytes | None = None, name: RepositoryName = APP) -> UploadId:
        """A session; `started` is what stands in its file, None for what stands there by itself."""
        upload = UploadId.new()
        if started is not None:
            now(self.driver.write(layout.upload_started(name, upload), started))
        now(self.driver.write(layout.upload_data(name, upload), b"bytes"))
        return upload

    def purge(self, dry_run: bool = False) -> Purged:
        return now(self.registry.purging.run(WEEK, dry_run))

    def has(self, upload: UploadId, name: RepositoryName = APP) -> bool:
        return self.is_there(layout.upload(name, upload))

    def is_there(self, path: str) -> bool:
        try:
            now(self.driver.stat(path))
        except PathNotFound:
            return False
        return True


def written(seconds_ago: float) -> bytes:
    return datetime.fromtimestamp(START.timestamp() - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def test_a_session_goes_by_the_time_at_which_it_began() -> None:
    world = Aged()
    old, young = world.upload(written(WEEK + HOUR)), world.upload(written(WEEK - HOUR))
    assert world.purge() == Purged(sessions=2, old=1, busy=0)
    assert not world.has(old)
    assert world.has(young)


def test_our_own_sessions_carry_the_time() -> None:
    world = Aged()
    upload = now(world.registry.uploads.start(APP))
    # `start` asks the system for the time, which is not before that of this world.
    assert world.purge().old == 0
    assert world.has(upload)


def test_a_folder_as_distribution_writes_it_is_purged_with_its_hash_states() -> None:
    world = Aged()
    upload = world.upload(b"2025-12-01T08:30:00Z")
    now(world.driver.write(f"{layout.upload(APP, upload)}/hashstates/sha256/0", b"sha\x03" + b"\0" * 104))
    world.purge()
    assert not world.has(upload)


def test_a_time_with_an_offset_is_understood() -> None:
    world = Aged()
    old, young = world.upload(b"2025-12-25T01:30:00+02:00"), world.upload(b"2025-12-24T23:30:00-02:00")
    world.purge()
    assert (world.has(old), world.has(young)) == (False, True)


@pytest.mark.parametrize("content", [None, b"", b"yesterday", b"\xff\xfe"])
def test_without_a_readable_time_the_folders_own_counts(content: bytes | None) -> None:
    world = Aged()
    upload = world.upload(content)
    world.clock.advance(WEEK)
    world.purge()
    assert world.has(upload)
    world.clock.advance(1)
    world.purge()
    assert not world.has(upload)


def test_a_session_that_somebody_writes_to_stays() -> None:
    world = Aged()
    upload = world.upload(written(WEEK + HOUR))
    source = Trickle()
    appending = Deferred.fromCoroutine(world.registry.uploads.append(APP, upload, source, None))
    source.give(b" and more")
    assert world.purge() == Purged(sessions=1, old=1, busy=1)
    source.end()
    now(appending)
    now(world.registry.uploads.finish(APP, upload, Bytes(b""), None, Digest.of(b"bytes and more")))


def test_a_dry_run_logs_and_removes_nothing() -> None:
    world = Aged()
    upload = world.upload(written(WEEK + HOUR))
    with capturedLogs() as logs:
        assert world.purge(dry_run=True).old == 1
    assert world.has(upload)
    [event] = [event for event in logs if event["log_format"] == "upload would be purged"]
    assert (event["repository"], event["upload"]) == (str(APP), str(upload))


def test_a_name_that_had_nothing_but_uploads_leaves_the_disk() -> None:
    world = Aged()
    world.upload(written(WEEK + HOUR), RepositoryName("a/b/c"))
    world.push_image(OTHER)
    world.upload(written(WEEK + HOUR), OTHER)
    world.purge()
    assert not world.is_there(f"{layout.REPOSITORIES}/a")
    assert not world.is_there(layout.uploads(OTHER))
    assert now(world.registry.catalog.page(None, 10))[0] == [str(OTHER)]


def test_what_is_no_session_is_left_alone() -> None:
    world = Aged()
    now(world.driver.write(f"{layout.uploads(APP)}/notes/startedat", written(WEEK + HOUR)))
    now(world.driver.write(f"{layout.REPOSITORIES}/Not-A-Name/_uploads/{UploadId.new()}/startedat", b""))
    world.clock.advance(2 * WEEK)
    assert world.purge() == Purged()
    assert world.is_there(f"{layout.uploads(APP)}/notes")
