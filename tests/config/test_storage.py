"""The section `storage`."""

from __future__ import annotations

import pytest

from tests.config.documents import loaded, refusals
from txregistry.config.model import Filesystem, InMemory, Storage, UploadPurging


def storage(text: str) -> Storage:
    result = loaded(f"version: 0.1\nstorage:{text}")
    assert result.warnings == ()
    return result.configuration.storage


def refused(text: str) -> list[str]:
    return refusals(f"version: 0.1\nstorage:{text}")


@pytest.mark.parametrize("text", [" filesystem", " {filesystem: }", " {filesystem: {}}", "\n  filesystem:\n"])
def test_the_filesystem_has_defaults(text: str) -> None:
    assert storage(text).driver == Filesystem("/var/lib/registry", 100)


@pytest.mark.parametrize("text", [" inmemory", " {inmemory: }", " {inmemory: {}}"])
def test_memory_takes_no_options(text: str) -> None:
    assert storage(text).driver == InMemory()


def test_the_root_is_taken_as_it_is_written() -> None:
    assert storage(" {filesystem: {rootdirectory: ./data}}").driver == Filesystem("./data")


@pytest.mark.parametrize(("written", "taken"), [("0", 25), ("24", 25), ("25", 25), ("300", 300), ("'50'", 50)])
def test_threads_are_raised_to_the_fewest(written: str, taken: int) -> None:
    assert storage(f" {{filesystem: {{maxthreads: {written}}}}}").driver == Filesystem(maxthreads=taken)


@pytest.mark.parametrize("text", [" {delete: {enabled: true}}", " {}", "", " ''", " {cache: {}, redirect: {}}"])
def test_a_storage_without_a_driver_is_refused(text: str) -> None:
    [only] = refused(text)
    assert only.startswith("config.yml:") and ": storage: " in only


def test_two_drivers_are_refused() -> None:
    assert refused(" {inmemory: , filesystem: }") == [
        "config.yml:2: storage: must name exactly one storage driver, not inmemory and filesystem"
    ]


@pytest.mark.parametrize("driver", ["s3", "s3aws", "azure", "gcs", "swift", "oss"])
def test_a_driver_that_is_not_here_yet_is_refused_by_name(driver: str) -> None:
    assert refused(f"\n  {driver}: {{bucket: b}}") == [
        f"config.yml:3: storage.{driver}: this storage driver is not supported yet: use one of filesystem, inmemory"
    ]


def test_a_misspelt_option_is_refused_because_it_would_be_a_driver() -> None:
    [only] = refused(" {inmemory: , delet: {enabled: true}}")
    assert only.startswith("config.yml:2: storage.delet: neither a storage driver")


@pytest.mark.parametrize(
    "text", [" [filesystem]", " {filesystem: /data}", " {filesystem: [a]}", " {inmemory: , delete: true}"]
)
def test_a_value_of_the_wrong_kind_is_refused(text: str) -> None:
    [only] = refused(text)
    assert only.endswith(": must be a mapping of keys to values")


def test_deleting_and_writing_are_switched() -> None:
    both = storage(" {inmemory: , delete: {enabled: true}, maintenance: {readonly: {enabled: true}}}")
    assert both.delete.enabled
    assert both.maintenance.readonly
    assert not storage(" inmemory").delete.enabled
    assert not storage(" inmemory").maintenance.readonly


def test_uploads_are_purged_as_with_distribution() -> None:
    assert storage(" inmemory").maintenance.uploadpurging == UploadPurging(True, 168 * 3600.0, 24 * 3600.0, False)
    written = " {inmemory: , maintenance: {uploadpurging: {enabled: false, age: 1h, interval: 30m, dryrun: true}}}"
    assert storage(written).maintenance.uploadpurging == UploadPurging(False, 3600.0, 1800.0, True)


def test_uploads_cannot_be_purged_all_the_time() -> None:
    assert refused(" {inmemory: , maintenance: {uploadpurging: {interval: 0s}}}") == [
        "config.yml:2: storage.maintenance.uploadpurging.interval: must be at least 1s"
    ]


@pytest.mark.parametrize("value", ["maybe", "1", "[true]"])
def test_a_switch_that_is_neither_is_refused(value: str) -> None:
    assert refused(f" {{inmemory: , maintenance: {{readonly: {{enabled: {value}}}}}}}")[0].startswith(
        "config.yml:2: storage.maintenance.readonly.enabled: must be "
    )
