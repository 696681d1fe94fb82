"""The section `txregistry`."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, loaded, refusal
from txregistry.config.load import load_text
from txregistry.config.model import Collection, Own, Scrub, Window
from txregistry.config.windows import until_open

HOUR = 3600


def own(text: str) -> Own:
    return configured(f"txregistry: {text}\n").txregistry


def test_by_default_it_collects_each_hour_with_graces_of_a_day() -> None:
    collection = configured().txregistry.collection
    assert (collection.interval, collection.grace, collection.trash) == (3600.0, 86400.0, 86400.0)
    assert (collection.deleteuntagged, collection.rate) == (False, None)
    assert until_open(collection.window, 0) == until_open(collection.window, 86399) == 0


@pytest.mark.parametrize(("written", "taken"), [("{}", None), ("{enabled: true}", True), ("{enabled: false}", False)])
def test_whether_collecting_was_asked_for_is_known(written: str, taken: bool | None) -> None:
    assert own(f"{{collection: {written}}}").collection.enabled is taken


def test_every_option_of_a_collection_is_taken() -> None:
    written = (
        "{interval: 5s, grace: 1s, trash: 2s, deleteuntagged: true, window: ['22:00-06:00', 12:30-13:00], rate: 500}"
    )
    assert own(f"{{collection: {written}}}").collection == Collection(
        None, 5.0, 1.0, 2.0, True, (Window(22 * HOUR, 6 * HOUR), Window(45000, 13 * HOUR)), 500
    )


@pytest.mark.parametrize("key", ["interval", "grace", "trash"])
def test_no_time_of_a_collection_is_below_a_second(key: str) -> None:
    assert refusal(f"txregistry: {{collection: {{{key}: 999ms}}}}\n") == (
        f"config.yml:3: txregistry.collection.{key}: must be at least 1s"
    )


@pytest.mark.parametrize(
    "window", ["night", "22:00", "25:00-26:00", "24:00-01:00", "00:00-24:30", "05:00-05:00", "1:00-2:00"]
)
def test_what_is_no_window_is_refused(window: str) -> None:
    assert refusal(f"txregistry: {{collection: {{window: ['{window}']}}}}\n").startswith(
        "config.yml:3: txregistry.collection.window[0]: "
    )


def test_no_window_at_all_is_all_day() -> None:
    assert own("{collection: {window: []}}").collection.window == Collection().window


@pytest.mark.parametrize(
    ("second", "wait"), [(0, 0), (6 * HOUR - 1, 0), (6 * HOUR, 16 * HOUR), (22 * HOUR, 0), (12 * HOUR, 10 * HOUR)]
)
def test_a_window_may_lie_over_midnight(second: int, wait: int) -> None:
    assert Window(22 * HOUR, 6 * HOUR).wait(second) == wait


def test_the_next_of_several_windows_counts() -> None:
    windows = (Window(2 * HOUR, 3 * HOUR), Window(12 * HOUR, 13 * HOUR))
    assert [until_open(windows, hour * HOUR) for hour in (2, 3, 13)] == [0, 9 * HOUR, 13 * HOUR]


def test_the_scrub_reads_twenty_mib_in_a_second_each_thirty_days() -> None:
    assert own("{}").scrub == Scrub(True, 30 * 24 * 3600.0, 20)
    assert own("{scrub: {enabled: false, interval: 24h, rate: 1}}").scrub == Scrub(False, 24 * 3600.0, 1)
    assert Scrub(rate=3).bytes_per_second == 3 * 1024 * 1024


def test_reads_are_verified_only_where_that_is_asked_for() -> None:
    assert not own("{}").verifyreads
    assert own("{verifyreads: true}").verifyreads


def test_the_environment_overrides_it() -> None:
    text = loaded(BASE, REGISTRY_TXREGISTRY_COLLECTION_GRACE="1h", REGISTRY_TXREGISTRY_COLLECTION_ENABLED="true")
    assert text.configuration.txregistry.collection == Collection(enabled=True, grace=3600.0)


@pytest.mark.parametrize(("written", "workers"), [("1", 1), ("8", 8), ("auto", None), ("AUTO", None), ("", 1)])
def test_the_number_of_workers_may_be_left_to_the_machine(written: str, workers: int | None) -> None:
    text = f"version: 0.1\nstorage: filesystem\ntxregistry: {{workers: {written}}}\n"
    assert load_text(text, "config.yml", {}).configuration.txregistry.workers == workers


@pytest.mark.parametrize(
    ("written", "problem"),
    [("0", "must be at least 1"), ("513", "must be at most 512"), ("many", "must be a whole number")],
)
def test_a_number_of_workers_that_cannot_be_meant_is_refused(written: str, problem: str) -> None:
    assert refusal(f"txregistry: {{workers: {written}}}\n") == f"config.yml:3: txregistry.workers: {problem}"


@pytest.mark.parametrize("written", ["2", "auto"])
def test_workers_that_would_have_a_store_each_are_refused(written: str) -> None:
    assert refusal(f"txregistry: {{workers: {written}}}\n") == (
        "config.yml:3: txregistry.workers: must be 1 with storage in memory: each would have a store of its own"
    )


def test_one_worker_may_keep_its_store_in_memory() -> None:
    assert own("{workers: 1}").workers == 1
