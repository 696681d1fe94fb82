"""What a server does by itself, and when."""

from __future__ import annotations

import time

import pytest
from twisted.logger import LogEvent, capturedLogs

from tests.registry.world import APP, World, now
from txregistry.config.model import Collection, UploadPurging, Window
from txregistry.oci.digest import Digest
from txregistry.registry.collection.adoption import Adoption
from txregistry.registry.collection.schedule import collecting
from txregistry.registry.purging import purging_regularly
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound, StorageFailure

HOUR, DAY = 3600, 86400
FIRST = 300


class Scheduled(World):
    """A world whose server collects each hour."""

    def __init__(self, **options: object) -> None:
        super().__init__()
        self.clock.advance(100 * DAY)
        self.collection = Collection(**options)  # type: ignore[arg-type]  # as the test says
        self.log: list[LogEvent] = []

    def serve(self) -> None:
        """A server starts, as assembly has it."""
        now(Adoption(self.driver).is_ours())
        self.repeating = collecting(
            self.registry.collector,
            Adoption(self.driver),
            self.collection,
            self.clock,
            now=self.clock.seconds,
            local=time.gmtime,
        )
        self.repeating.start()

    def later(self, seconds: int) -> None:
        with capturedLogs() as logs:
            self.clock.pump([60] * (seconds // 60))
        self.log += [event for event in logs if event["log_format"].startswith(("collection", "another registry"))]

    def messages(self) -> list[str]:
        return [event["log_format"] for event in self.log]

    def finished(self) -> list[LogEvent]:
        return [event for event in self.log if event["log_format"] == "collection finished"]

    def stored(self, digest: Digest) -> bool:
        try:
            now(self.driver.stat(layout.blob_data(digest)))
        except PathNotFound:
            return False
        return True


def test_a_store_that_was_empty_at_the_start_is_collected_each_hour() -> None:
    world = Scheduled()
    world.serve()
    unused = world.push_blob(b"unused")
    world.later(5 * HOUR + FIRST)
    assert len(world.finished()) in (5, 6)
    assert world.stored(unused)
    world.later(3 * DAY)
    assert not world.stored(unused)
    assert {event["log_level"].name for event in world.log} == {"info"}
    assert sum(event["removed_bytes"] for event in world.finished()) == len(b"unused") + len(str(unused))


def test_of_a_foreign_store_it_only_reports_and_warns_once() -> None:
    world = Scheduled()
    unused = world.push_blob(b"unused")
    world.serve()
    world.later(5 * DAY)
    assert world.stored(unused)
    [warning] = [message for message in world.messages() if message.startswith("another registry")]
    assert "txregistry adopt CONFIG" in warning
    assert all(event["dry_run"] for event in world.finished())
    assert world.finished()[-1]["trashed"] == 2


def test_a_foreign_store_is_collected_as_soon_as_it_is_adopted() -> None:
    world = Scheduled()
    unused = world.push_blob(b"unused")
    world.serve()
    world.later(DAY)
    now(Adoption(world.driver).adopt())
    world.later(3 * DAY)
    assert not world.stored(unused)


def test_a_foreign_store_is_collected_where_that_is_written_out() -> None:
    world = Scheduled(enabled=True)
    unused = world.push_blob(b"unused")
    world.serve()
    world.later(3 * DAY)
    assert not world.stored(unused)
    assert not [message for message in world.messages() if message.startswith("another registry")]


def test_runs_begin_within_the_window() -> None:
    world = Scheduled(window=(Window(2 * HOUR, 4 * HOUR),))
    world.serve()
    began: list[float] = []
    world.clock.advance(0)
    run = world.registry.collector.marked

    async def marked() -> None:
        began.append(world.clock.seconds() % DAY)
        await run()

    world.registry.collector.marked = marked
    world.later(3 * DAY)
    assert began
    assert all(2 * HOUR <= second < 4 * HOUR + 60 for second in began)


def test_a_run_is_skipped_quietly_while_somebody_else_collects() -> None:
    world = Scheduled()
    world.serve()
    now(world.driver.write(f"{layout.COLLECTION}/lock", b""))
    world.clock.advance(HOUR)
    lock = now(world.driver.lock(layout.COLLECTION))
    world.later(2 * HOUR)
    assert set(world.messages()) <= {"collection skipped: another one is running"}
    lock.release()
    world.later(2 * HOUR)
    assert world.finished()


def test_several_servers_together_make_one_run_in_an_interval() -> None:
    world = Scheduled()
    for _ in range(4):
        world.serve()
        world.later(10 * 60)
    world.later(10 * HOUR)
    assert 8 <= len(world.finished()) <= 12


def test_a_manifest_that_cannot_be_read_is_told_with_what_to_do_and_the_schedule_goes_on() -> None:
    world = Scheduled()
    world.serve()
    digest, content = world.push_image()
    now(world.driver.write(layout.blob_data(digest), b"{damaged"))
    world.later(2 * HOUR)
    [*_, event] = world.log
    assert event["log_level"].name == "error"
    assert (event["repository"], event["digest"]) == (str(APP), str(digest))
    now(world.driver.write(layout.blob_data(digest), content))
    world.later(2 * HOUR)
    assert world.log[-1]["log_format"] == "collection finished"


def test_a_storage_that_fails_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Scheduled()
    world.serve()

    async def fails(path: str) -> None:
        raise StorageFailure(path, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(world.driver, "stat", fails)
        world.later(2 * HOUR)
    assert world.messages()[-1].startswith("collection stopped: the storage failed")
    world.later(2 * HOUR)
    assert world.log[-1]["log_format"] == "collection finished"


def test_uploads_are_purged_each_day_and_the_outcome_is_logged() -> None:
    world = Scheduled()
    repeating = purging_regularly(world.registry.purging, UploadPurging(age=60.0), world.clock)
    repeating.start()
    upload = now(world.registry.uploads.start(APP))
    now(world.driver.write(layout.upload_started(APP, upload), b"1970-01-02T00:00:00Z"))
    with capturedLogs() as logs:
        world.clock.pump([60] * (HOUR // 60))
    [event] = [event for event in logs if event["log_format"] == "uploads purged"]
    assert (event["sessions"], event["old"], event["dry_run"]) == (1, 1, False)
    now(repeating.stop())
    assert not world.clock.getDelayedCalls()
