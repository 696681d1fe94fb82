"""The bytes of every blob are read again, and what is damaged is put aside until a push replaces it."""

from __future__ import annotations

import pytest

from tests.registry.checking.checks import Examined
from tests.registry.world import APP, OTHER, now
from txregistry.oci.digest import Digest
from txregistry.oci.errors import BlobUnknown
from txregistry.registry.checking.findings import Kind
from txregistry.registry.checking.settling import PAUSE
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound, StorageFailure
from txregistry.storage.interfaces import Hasher

RATES = [None, 1000.0]


@pytest.mark.parametrize("rate", RATES)
def test_a_store_in_which_all_is_well_is_clean(rate: float | None) -> None:
    world = Examined()
    world.push_image()
    world.push_image(OTHER)
    world.push_blob(b"by another algorithm", algorithm="sha512")
    assert world.check(rate=rate) == []
    assert (world.checked.repositories, world.checked.manifests, world.checked.tags) == (2, 2, 2)
    # The two images share their blobs and their manifest.
    assert world.checked.blobs == 4


def test_nothing_is_changed_without_repair() -> None:
    world = Examined()
    digest = world.push_blob(b"content")
    world.damage(digest)
    world.empty_folder(f"{layout.REPOSITORIES}/nothing")
    before = now(world.driver.stat(layout.blob_data(digest)))
    assert len(world.check()) == 2
    assert now(world.driver.stat(layout.blob_data(digest))) == before
    assert not world.has(layout.QUARANTINE)
    assert world.has(f"{layout.REPOSITORIES}/nothing")
    assert world.driver.open == []


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_one_flipped_bit_is_found(algorithm: str, rate: float | None) -> None:
    world = Examined()
    whole = world.push_blob(b"x" * 2_000, algorithm=algorithm)
    digest = world.push_blob(b"y" * 2_000, algorithm=algorithm)
    world.damage(digest)
    assert world.check(rate=rate) == [(Kind.DAMAGED_BLOB, layout.blob_data(digest))]
    assert world.found[0].digest == str(digest) != str(whole)


@pytest.mark.parametrize("content", [b"", b"y"])
def test_content_that_was_cut_short_is_found(content: bytes) -> None:
    world = Examined()
    digest = world.push_blob(b"yy")
    world.write(layout.blob_data(digest), content)
    assert world.check() == [(Kind.DAMAGED_BLOB, layout.blob_data(digest))]


def test_all_of_very_many_blobs_are_read_and_every_damaged_one_is_found() -> None:
    world = Examined()
    digests = [world.push_blob(b"%d" % number) for number in range(300)]
    for digest in digests[::7]:
        world.damage(digest)
    assert world.check() == sorted((Kind.DAMAGED_BLOB, layout.blob_data(digest)) for digest in digests[::7])
    assert world.checked.blobs == 300


def test_a_damaged_blob_that_was_put_aside_is_unknown_and_the_next_push_brings_it_back() -> None:
    """zot 7ab2032a: a registry that believes in a damaged blob because it is there refuses to have it mended."""
    world = Examined()
    digest = world.push_blob(b"content")
    now(world.registry.blobs.mount(OTHER, digest, APP))
    world.damage(digest)
    assert (Kind.DAMAGED_BLOB, layout.blob_data(digest)) in world.check(repair=True)
    assert [finding.repaired for finding in world.found if finding.kind is Kind.DAMAGED_BLOB] == [True]
    assert world.quarantine() == [layout.blob_data(digest).removeprefix("docker/registry/v2/")]
    for name in (APP, OTHER):
        with pytest.raises(BlobUnknown):
            now(world.registry.blobs.size(name, digest))
    world.push_blob(b"content")
    # The links were left where they were, so the push to one repository mends the other too.
    for name in (APP, OTHER):
        assert now(world.registry.blobs.size(name, digest)) == len(b"content")
    assert world.check() == []


def test_a_damaged_blob_that_is_pushed_again_before_the_second_look_is_not_reported() -> None:
    world = Examined()
    digest = world.push_blob(b"content")
    world.damage(digest)
    assert world.check(repair=True, meanwhile=lambda: world.push_blob(b"content")) == []
    assert now(world.registry.blobs.size(APP, digest)) == len(b"content")


def test_a_push_that_comes_between_the_last_look_and_the_repair_is_not_lost() -> None:
    world = Examined()
    digest = world.push_blob(b"content")
    world.damage(digest)
    path, move = layout.blob_data(digest), world.driver.move

    async def push_then_move(source: str, target: str, durable: bool = True) -> None:
        if source == path:
            world.write(path, b"content")
        await move(source, target, durable)

    world.driver.move = push_then_move  # type: ignore[method-assign]  # the moment cannot be met otherwise
    world.check(repair=True)
    assert [finding.repaired for finding in world.found] == [False]
    assert now(world.registry.blobs.size(APP, digest)) == len(b"content")
    assert world.quarantine() == []


def test_a_blob_that_waits_in_the_trash_is_not_missed() -> None:
    world = Examined()
    digest = world.push_blob(b"content")
    now(world.driver.move(layout.blob_data(digest), layout.trashed(layout.blob_data(digest))))
    now(world.driver.remove_empty(layout.blob_data(digest).rpartition("/")[0]))
    assert world.check() == []
    assert not world.has(layout.blob_data(digest))


def test_what_the_disk_cannot_read_is_told_and_the_check_goes_on() -> None:
    world = Examined()
    bad, damaged = world.push_blob(b"bad"), world.push_blob(b"damaged")
    world.damage(damaged)
    hash_file = world.driver.hash

    async def failing(path: str, algorithm: str) -> Hasher:
        if path == layout.blob_data(bad):
            raise StorageFailure(path, "Input/output error")
        return await hash_file(path, algorithm)

    world.driver.hash = failing  # type: ignore[method-assign]  # memory cannot fail by itself
    assert world.check(repair=True)[:2] == sorted(
        [(Kind.UNREADABLE, layout.blob_data(bad)), (Kind.DAMAGED_BLOB, layout.blob_data(damaged))],
        key=lambda pair: pair[1],
    )
    assert world.has(layout.blob_data(bad))


def test_what_does_not_belong_among_blobs_is_found_and_put_aside() -> None:
    world = Examined()
    digest = world.push_blob(b"content")
    folder = layout.blob_data(digest).removesuffix("/data")
    sha256 = f"{layout.BLOBS}/sha256"
    places = {
        f"{layout.BLOBS}/md5/ab/file": (Kind.UNKNOWN_ALGORITHM, f"{layout.BLOBS}/md5"),
        f"{sha256}/xyz/file": (Kind.STRAY, f"{sha256}/xyz"),
        f"{sha256}/{digest.hex[:2]}/short/data": (Kind.STRAY, f"{sha256}/{digest.hex[:2]}/short"),
        f"{sha256}/{'0f' if digest.hex[:2] != '0f' else '0e'}/{digest.hex}/data": (
            Kind.STRAY,
            f"{sha256}/{'0f' if digest.hex[:2] != '0f' else '0e'}/{digest.hex}",
        ),
        f"{folder}/notes": (Kind.STRAY, f"{folder}/notes"),
    }
    for path in places:
        world.write(path, b"kept")
    assert sorted(world.check(), key=str) == sorted(places.values(), key=str)
    world.check(repair=True)
    assert world.check() == [(Kind.UNKNOWN_ALGORITHM, f"{layout.BLOBS}/md5")]
    assert len(world.quarantine()) == 4
    assert now(world.registry.blobs.size(APP, digest)) == len(b"content")


def test_empty_folders_among_blobs_are_found_and_removed() -> None:
    world = Examined()
    digest = Digest.of(b"never came")
    world.empty_folder(layout.blob_data(digest).removesuffix("/data"))
    assert world.check(repair=True) == [(Kind.EMPTY_FOLDER, layout.blob_data(digest).removesuffix("/data"))]
    assert not world.has(f"{layout.BLOBS}/sha256/{digest.hex[:2]}")
    # What a collection leaves of the folders above it is nothing to tell of.
    world.empty_folder(f"{layout.BLOBS}/sha256/{digest.hex[:2]}")
    assert world.check() == []
    world.write(f"{layout.BLOBS}/sha256/ff")
    assert world.check() == [(Kind.STRAY, f"{layout.BLOBS}/sha256/ff")]


def test_a_rate_is_kept() -> None:
    world = Examined()
    world.push_blob(b"x" * 10_000)
    begun = world.clock.seconds()
    world.check(rate=1_000.0)
    assert 10 <= world.clock.seconds() - begun < 10 + 2 * PAUSE


def test_what_is_to_be_read_can_be_measured() -> None:
    world = Examined()
    world.push_blob(b"x" * 10)
    world.push_blob(b"y" * 20, algorithm="sha512")
    assert now(world.checker().measure()) == 30


def test_a_failing_folder_ends_the_check_with_the_reason() -> None:
    world = Examined()
    world.push_blob(b"x")

    async def failing(path: str, after: str | None = None, limit: int | None = None) -> list[str]:
        if path == f"{layout.BLOBS}/sha256":
            raise StorageFailure(path, "Input/output error")
        raise PathNotFound(path)

    world.driver.list = failing  # type: ignore[method-assign]  # memory cannot fail by itself
    with pytest.raises(StorageFailure):
        world.check()
