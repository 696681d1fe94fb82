"""The background scrub: when it runs, where it goes on, and what it tells."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twisted.logger import capturedLogs

from tests.registry.checking.checks import DAY, Examined
from tests.registry.world import APP, LATEST, now
from txregistry.registry.checking.findings import Checked
from txregistry.registry.checking.place import Phase, Place, Plan
from txregistry.registry.checking.scrub import Scrub
from txregistry.storage import layout
from txregistry.storage.errors import StorageFailure

INTERVAL = 30 * DAY


class Scrubbed(Examined):
    """A world that is scrubbed."""

    def scrub(self, rate: float | None = None, chance: float = 0.5) -> Scrub:
        """What a server has."""
        return Scrub(self.driver, self.checker(rate), self.clock, INTERVAL, self.clock.seconds, lambda: chance)

    def plan(self) -> Plan | None:
        """What is remembered."""
        return Plan.decode(now(self.driver.read(layout.SCRUB_PLAN)).data)

    def remember(self, plan: Plan) -> None:
        """As an earlier process did."""
        self.write(layout.SCRUB_PLAN, plan.encode())


def run(world: Scrubbed, scrub: Scrub) -> Checked:
    checked = world.later(scrub.run_once())
    assert checked is not None
    return checked


def test_damage_is_told_as_an_error_and_nothing_is_changed() -> None:
    world = Scrubbed()
    digest = world.push_blob(b"content")
    world.damage(digest)
    with capturedLogs() as logs:
        run(world, world.scrub())
    [told] = [event for event in logs if event["log_level"].name == "error"]
    assert told["log_format"] == "scrub found a problem"
    assert (told["kind"], told["path"], told["digest"]) == ("damaged-blob", layout.blob_data(digest), str(digest))
    assert world.has(layout.blob_data(digest))
    assert not world.has(layout.QUARANTINE)


def test_leftovers_are_told_without_alarm() -> None:
    world = Scrubbed()
    world.empty_folder(f"{layout.REPOSITORIES}/nothing")
    with capturedLogs() as logs:
        run(world, world.scrub())
    [told] = [event for event in logs if event.get("path") == f"{layout.REPOSITORIES}/nothing"]
    assert (told["log_format"], told["log_level"].name) == ("scrub found a leftover", "info")


def test_it_looks_at_repositories_too() -> None:
    world = Scrubbed()
    digest, _ = world.push_image()
    world.lose(layout.revision_link(APP, digest))
    with capturedLogs() as logs:
        run(world, world.scrub())
    assert layout.tag_current(APP, LATEST) in [event.get("path") for event in logs]


@pytest.mark.parametrize(("chance", "days"), [(0.0, 25), (0.5, 30), (1.0, 35)])
def test_rounds_are_25_to_35_days_apart(chance: float, days: int) -> None:
    world = Scrubbed()
    begun = world.clock.seconds()
    run(world, world.scrub(chance=chance))
    assert world.plan() == Plan(begun + days * DAY)


def test_a_new_store_is_scrubbed_within_a_day_and_then_once_an_interval() -> None:
    world = Scrubbed()
    world.push_blob(b"content")
    scrub = world.scrub(chance=1.0)
    begun: list[float] = []
    for _ in range(120):
        if world.later(scrub.run_if_due()) is not None:
            begun.append(world.clock.seconds() / DAY)
        world.clock.advance(DAY / 2)
    assert len(begun) == 2
    assert begun[0] - 20_000 == pytest.approx(1)
    assert begun[1] - begun[0] == pytest.approx(35)


def test_a_round_that_was_cut_short_goes_on_where_it_was() -> None:
    world = Scrubbed()
    digests = sorted(world.push_blob(b"%d" % number) for number in range(20))
    world.remember(Plan(world.clock.seconds() + DAY, Place(Phase.BLOBS, str(digests[14]))))
    checked = world.later(world.scrub().run_if_due())
    assert checked is not None
    assert (checked.blobs, checked.repositories) == (5, 1)
    world.push_image()
    world.push_image(name=type(APP)("zoo"))
    world.remember(Plan(world.clock.seconds() + DAY, Place(Phase.REPOSITORIES, APP.text)))
    checked = world.later(world.scrub().run_if_due())
    assert checked is not None
    assert (checked.blobs, checked.repositories) == (0, 1)


def test_its_place_is_written_down_as_it_goes() -> None:
    world = Scrubbed()
    digests = sorted(world.push_blob(b"x" * 1000 + b"%d" % number) for number in range(40))
    scrub = world.scrub(rate=100.0).regularly()
    scrub.start()
    world.clock.advance(600)
    assert world.plan() is not None
    world.clock.advance(DAY)
    places = set()
    for _ in range(500):
        world.clock.advance(10)
        plan = world.plan()
        assert plan is not None
        if plan.place is not None and plan.place.phase is Phase.BLOBS:
            places.add(plan.place.last)
    assert {str(digest) for digest in digests} > places - {""}
    assert len(places) > 5
    now(scrub.stop())
    assert not world.clock.getDelayedCalls()
    assert world.driver.open == []


def test_a_stopped_scrub_lets_go_and_another_process_goes_on() -> None:
    world = Scrubbed()
    for number in range(40):
        world.push_blob(b"x" * 1000 + b"%d" % number)
    world.remember(Plan(0.0))
    scrub = world.scrub(rate=100.0).regularly()
    scrub.start()
    world.clock.pump([10.0] * 75)
    assert world.later(world.scrub().run_once()) is None  # One at a time.
    now(scrub.stop())
    assert world.driver.open == []
    rest = run(world, world.scrub())
    assert 0 < rest.blobs < 40


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"due": "soon", "place": null}', b'{"due": 1, "place": ["x"]}']
)
def test_a_plan_that_cannot_be_read_is_made_anew(content: bytes) -> None:
    world = Scrubbed()
    world.write(layout.SCRUB_PLAN, content)
    assert world.later(world.scrub().run_if_due()) is None
    plan = world.plan()
    assert plan is not None
    assert plan.place is None


def test_a_storage_that_fails_is_told_and_the_scrub_goes_on_later() -> None:
    world = Scrubbed()
    world.push_blob(b"content")
    world.remember(Plan(0.0))
    names = world.driver.list

    async def failing(path: str, after: str | None = None, limit: int | None = None) -> Sequence[str]:
        if path.startswith(layout.BLOBS):
            raise StorageFailure(path, "Input/output error")
        return await names(path, after, limit)

    world.driver.list = failing  # type: ignore[method-assign]  # memory cannot fail by itself
    scrub = world.scrub().regularly()
    scrub.start()
    with capturedLogs() as logs:
        world.clock.pump([60.0] * 15)
    assert "scrub interrupted: the storage failed" in [event["log_format"] for event in logs]
    world.driver.list = names  # type: ignore[method-assign]  # it has recovered
    with capturedLogs() as logs:
        world.clock.pump([60.0] * 11)
    assert [event["log_format"] for event in logs][-1] == "scrub ended"
    now(scrub.stop())
    assert world.driver.open == []


def test_a_place_survives_its_file() -> None:
    for plan in (Plan(1.5), Plan(2.0, Place()), Plan(3.0, Place(Phase.REPOSITORIES, "library/app"))):
        assert Plan.decode(plan.encode()) == plan
