"""What a server does for its store, as its configuration asks for."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs

from tests.registry.world import APP, World, now
from txregistry.concurrency.workers import InlineWorkers
from txregistry.config.load import load_text
from txregistry.config.model import Configuration
from txregistry.daemon.upkeep import Upkeep, upkeep_of
from txregistry.registry.checking.place import Plan
from txregistry.registry.collection.adoption import Adoption
from txregistry.registry.servers import Servers
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound, StorageFailure

DAY = 86400


def configuration(maintenance: str = "{}", own: str = "{}") -> Configuration:
    text = f"version: 0.1\nstorage: {{inmemory: , maintenance: {maintenance}}}\ntxregistry: {own}\n"
    return load_text(text, "config.yml", {}).configuration


def upkeep(world: World, maintenance: str = "{}", own: str = "{}") -> Upkeep:
    found = upkeep_of(configuration(maintenance, own), world.registry, world.driver, InlineWorkers(), world.clock)
    assert found is not None
    return found


def is_there(world: World, path: str) -> bool:
    try:
        now(world.driver.stat(path))
    except PathNotFound:
        return False
    return True


def test_a_read_only_server_keeps_nothing_up() -> None:
    world = World()
    found = upkeep_of(
        configuration("{readonly: {enabled: true}}"), world.registry, world.driver, InlineWorkers(), world.clock
    )
    assert found is None


def test_a_server_counts_an_empty_store_as_its_own_before_anything_is_pushed() -> None:
    world = World()
    now(upkeep(world).begin())
    world.push_image()
    assert now(Adoption(world.driver).is_ours())


def test_a_server_collects_and_purges() -> None:
    world = World()
    world.clock.advance(100 * DAY)
    served = upkeep(world)
    now(served.begin())
    unused = world.push_blob(b"unused")
    upload = now(world.registry.uploads.start(APP))
    now(world.driver.write(layout.upload_started(APP, upload), b"1970-01-02T00:00:00Z"))
    world.clock.pump([600] * (3 * DAY // 600))
    assert not is_there(world, layout.blob_data(unused))
    assert not is_there(world, layout.upload(APP, upload))
    now(served.rest())
    now(served.leave())
    assert not world.clock.getDelayedCalls()
    assert world.driver.open == []


def test_a_server_reads_everything_again_and_tells_of_damage() -> None:
    world = World()
    world.clock.advance(100 * DAY)
    damaged = world.push_blob(b"content")
    now(world.driver.write(layout.blob_data(damaged), b"conten7"))
    now(world.driver.write(layout.SCRUB_PLAN, Plan(due=0.0).encode()))
    served = upkeep(world, own="{collection: {enabled: false}}")
    now(served.begin())
    with capturedLogs() as logs:
        world.clock.pump([600] * (2 * DAY // 600))
    assert str(damaged) in [event.get("digest") for event in logs if event["log_format"] == "scrub found a problem"]
    now(served.rest())
    now(served.leave())
    assert world.driver.open == []


@pytest.mark.parametrize(
    ("maintenance", "own", "calls"),
    [
        ("{}", "{collection: {enabled: false}}", 2),
        ("{}", "{scrub: {enabled: false}}", 2),
        ("{uploadpurging: {enabled: false}}", "{}", 2),
        ("{uploadpurging: {enabled: false}}", "{collection: {enabled: false}, scrub: {enabled: false}}", 0),
    ],
)
def test_each_can_be_switched_off(maintenance: str, own: str, calls: int) -> None:
    world = World()
    now(upkeep(world, maintenance, own).begin())
    assert len(world.clock.getDelayedCalls()) == calls


def test_a_storage_that_cannot_be_written_is_told_and_does_not_keep_it_from_serving(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()

    async def full(path: str, content: bytes, durable: bool = True) -> None:
        raise StorageFailure(path, "No space left on device", out_of_space=True)

    monkeypatch.setattr(world.driver, "write", full)
    served = upkeep(world)
    with capturedLogs() as logs:
        now(served.begin())
    assert [event["reason"] for event in logs if "reason" in event] == ["No space left on device"]
    now(served.rest())
    now(served.leave())


def test_who_is_no_caretaker_makes_itself_known_and_does_nothing_else() -> None:
    world = World()
    found = upkeep_of(configuration(), world.registry, world.driver, InlineWorkers(), world.clock, caretaker=False)
    assert found is not None
    now(found.begin())
    assert not world.clock.getDelayedCalls()
    assert now(Servers(world.driver, world.clock).keep_away()) is None
    assert now(Adoption(world.driver).is_ours())
    now(found.rest())
    now(found.leave())
    assert world.driver.open == []
