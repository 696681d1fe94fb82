"""Collecting while others push, pull, mount and delete."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest

from tests.registry.world import APP, LATEST, OTHER, Bytes, World, described, index, manifest, now
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import BlobUnknown, ManifestUnknown
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.collection.adoption import Adoption
from txregistry.registry.collection.limits import Limits
from txregistry.registry.collection.report import Report
from txregistry.registry.collection.repository import ManifestUnreadable
from txregistry.registry.servers import ServerCame
from txregistry.storage import layout
from txregistry.storage.errors import Locked, PathNotFound

GRACE, TRASH = 100.0, 50.0


class Collected(World):
    """A world whose time passes when the test says so."""

    def __init__(self) -> None:
        super().__init__(grace=GRACE)
        self.clock.advance(1_000_000)

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    def collect(
        self, delete_untagged: bool = False, dry_run: bool = False, meanwhile: Callable[[], object] | None = None
    ) -> Report:
        """Collect once; `meanwhile` happens between marking and sweeping."""
        if meanwhile is not None:

            async def hook() -> None:
                meanwhile()

            self.registry.collector.marked = hook
        report = now(self.registry.collector.run(Limits(GRACE, TRASH, delete_untagged, dry_run)))
        self.registry = self.open()
        return report

    def collect_to_the_end(self, delete_untagged: bool = False) -> Report:
        """Until everything that can go has gone."""
        self.later(GRACE + 1)
        self.collect(delete_untagged)
        self.later(TRASH + 1)
        return self.collect(delete_untagged)

    def has(self, digest: Digest, name: RepositoryName = APP) -> bool:
        """Whether the repository serves the blob."""
        return now(self.registry.blobs.claim(name, digest)) is not None

    def stored(self, digest: Digest) -> bool:
        """Whether the bytes stand in their place; asks nobody who would bring them back."""
        return _is_there(self, layout.blob_data(digest))


def _is_there(world: World, path: str) -> bool:
    try:
        now(world.driver.stat(path))
    except PathNotFound:
        return False
    return True


def test_what_no_manifest_names_is_moved_away_and_then_gone() -> None:
    world = Collected()
    digest = world.push_blob(b"unused")
    world.later(GRACE + 1)
    report = world.collect()
    assert (report.links, report.trashed) == (1, 2)
    assert not world.stored(digest)
    world.later(TRASH + 1)
    report = world.collect()
    assert (report.removed, report.removed_bytes) == (2, len(b"unused") + len(str(digest)))
    assert not world.has(digest)
    assert not _is_there(world, layout.TRASH)


def test_what_a_manifest_names_stays() -> None:
    world = Collected()
    digest, content = world.push_image()
    world.collect_to_the_end()
    assert now(world.registry.manifests.get(APP, LATEST))[0] == digest
    for layer in json.loads(content)["layers"]:
        assert world.has(Digest.parse(layer["digest"]))


def test_nothing_goes_within_its_grace() -> None:
    world = Collected()
    digest = world.push_blob(b"young")
    world.later(GRACE - 1)
    report = world.collect()
    # The link waits, and keeps its content.
    assert (report.trashed, report.waiting) == (0, 1)
    assert world.stored(digest)


def test_nothing_is_gone_before_its_second_grace() -> None:
    world = Collected()
    digest = world.push_blob(b"unused")
    world.later(GRACE + 1)
    world.collect()
    world.later(TRASH - 1)
    assert world.collect().removed == 0
    assert world.has(digest)


def test_what_waits_comes_back_when_it_is_asked_for_and_has_a_new_grace() -> None:
    world = Collected()
    digest = world.push_blob(b"wanted")
    world.later(GRACE + 1)
    world.collect()
    assert not world.stored(digest)
    assert now(world.registry.blobs.size(APP, digest)) == 6
    assert world.stored(digest)
    world.later(GRACE - 1)
    assert world.collect().trashed == 0


RELIANCES: dict[str, Callable[[World, Digest], Awaitable[object]]] = {
    "HEAD": lambda world, digest: world.registry.blobs.size(APP, digest),
    "GET": lambda world, digest: world.registry.blobs.open(APP, digest),
    "mount": lambda world, digest: world.registry.blobs.mount(OTHER, digest, APP),
}


@pytest.mark.parametrize("reliance", RELIANCES)
def test_whoever_is_told_that_a_blob_exists_can_name_it_for_a_whole_grace(reliance: str) -> None:
    """Quay's soak broke 40 pushes: told that a blob exists, collected, manifest refused."""
    world = Collected()
    name = OTHER if reliance == "mount" else APP
    digest = world.push_blob(b"old")
    config = world.push_blob(b"{}", name)
    world.later(GRACE * 0.99)
    reader = now(RELIANCES[reliance](world, digest))
    if hasattr(reader, "close"):
        reader.close()
    now(world.registry.blobs.size(name, config))
    for _ in range(3):
        world.later(GRACE * 0.29)
        world.collect()
    content = manifest(config, [digest])
    now(world.registry.manifests.put(name, LATEST, content, mediatypes.OCI_MANIFEST))
    world.collect_to_the_end()
    assert world.has(digest, name)


@pytest.mark.parametrize("reliance", RELIANCES)
def test_a_client_may_rely_on_an_old_blob_between_mark_and_sweep(reliance: str) -> None:
    world = Collected()
    name = OTHER if reliance == "mount" else APP
    digest = world.push_blob(b"old")
    world.later(GRACE * 5)

    def rely() -> None:
        reader = now(RELIANCES[reliance](world, digest))
        if hasattr(reader, "close"):
            reader.close()

    world.collect(meanwhile=rely)
    assert world.stored(digest)
    assert world.has(digest, name)


def test_a_manifest_may_be_pushed_between_mark_and_sweep() -> None:
    world = Collected()
    content = world.image()
    world.later(GRACE * 5)
    world.collect(meanwhile=lambda: now(world.registry.manifests.put(APP, LATEST, content, mediatypes.OCI_MANIFEST)))
    assert world.stored(Digest.of(content))
    world.collect_to_the_end()
    for layer in json.loads(content)["layers"]:
        assert world.has(Digest.parse(layer["digest"]))


def test_an_upload_that_ends_between_mark_and_sweep_stays() -> None:
    world = Collected()
    digest = world.push_blob(b"old")
    world.later(GRACE * 5)
    world.collect(meanwhile=lambda: world.push_blob(b"old"))
    assert world.stored(digest)


def test_a_blob_that_is_pushed_again_while_it_waits_is_there() -> None:
    world = Collected()
    digest = world.push_blob(b"old")
    world.later(GRACE + 1)
    world.collect()
    world.push_blob(b"old")
    world.later(TRASH + 1)
    world.collect()
    assert world.has(digest)


def test_an_upload_under_way_is_left_alone() -> None:
    world = Collected()
    upload = now(world.registry.uploads.start(APP))
    now(world.registry.uploads.append(APP, upload, Bytes(b"half"), None))
    world.collect_to_the_end()
    now(world.registry.uploads.finish(APP, upload, Bytes(b" done"), 4, Digest.of(b"half done")))


def test_a_blob_that_one_repository_lets_go_stays_for_the_other() -> None:
    world = Collected()
    digest, content = world.push_image(OTHER)
    layer = Digest.parse(json.loads(content)["layers"][0]["digest"])
    now(world.registry.blobs.mount(APP, layer, OTHER))
    world.collect_to_the_end()
    assert not world.has(layer, APP)
    assert world.has(layer, OTHER)
    assert now(world.registry.manifests.get(OTHER, digest))


def test_content_by_sha512_and_links_to_other_digests_are_kept() -> None:
    world = Collected()
    config, layer = world.push_blob(b"{}"), world.push_blob(b"layer")
    alias = Digest.of(b"layer", "sha512")
    now(world.driver.write(layout.layer_link(APP, alias), str(layer).encode()))
    content = manifest(config, [alias])
    now(world.registry.manifests.put(APP, Digest.of(content, "sha512"), content, mediatypes.OCI_MANIFEST))
    world.collect_to_the_end()
    assert world.has(alias)
    assert now(world.registry.manifests.get(APP, Digest.of(content, "sha512")))


def test_untagged_manifests_stay_unless_they_are_to_go() -> None:
    world = Collected()
    untagged, _ = world.push_image(tag=None, salt="1")
    world.collect_to_the_end()
    assert now(world.registry.manifests.get(APP, untagged))
    world.collect_to_the_end(delete_untagged=True)
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, untagged))


def test_children_and_referrers_of_what_is_tagged_stay() -> None:
    """distribution#3178: `garbage-collect -m` deletes the images of a multi-platform index, and signatures."""
    world = Collected()
    child, _ = world.push_image(tag=None, salt="child")
    nested = index(child)
    now(world.registry.manifests.put(APP, Digest.of(nested), nested, mediatypes.OCI_INDEX))
    top = index(Digest.of(nested))
    now(world.registry.manifests.put(APP, LATEST, top, mediatypes.OCI_INDEX))
    signature, _ = world.push_image(tag=None, salt="sig", subject=described(child))
    countersignature, _ = world.push_image(tag=None, salt="countersig", subject=described(signature))
    orphan, _ = world.push_image(tag=None, salt="orphan", subject=described(Digest.of(b"gone")))
    world.collect_to_the_end(delete_untagged=True)
    for digest in (child, Digest.of(nested), Digest.of(top), signature, countersignature):
        assert now(world.registry.manifests.get(APP, digest))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, orphan))


def test_a_manifest_that_is_tagged_while_it_waits_comes_back_with_its_blobs() -> None:
    world = Collected()
    digest, content = world.push_image(tag=None)
    world.later(GRACE + 1)
    world.collect(delete_untagged=True)
    now(world.registry.tags.point(APP, LATEST, digest, nullcontext()))
    world.later(TRASH + 1)
    world.collect(delete_untagged=True)
    world.collect_to_the_end(delete_untagged=True)
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == content
    for layer in json.loads(content)["layers"]:
        assert world.has(Digest.parse(layer["digest"]))


def test_a_deleted_manifest_lets_its_blobs_go_and_the_empty_repository_leaves() -> None:
    world = Collected()
    digest, _ = world.push_image(RepositoryName("a/b/c"))
    world.push_image(RepositoryName("a"))
    now(world.registry.manifests.delete(RepositoryName("a/b/c"), digest))
    world.collect_to_the_end()
    world.collect_to_the_end()
    assert now(world.registry.catalog.page(None, 10)) == (["a"], False)
    assert not _is_there(world, f"{layout.REPOSITORIES}/a/b")


def test_folders_that_distribution_leaves_of_what_it_has_deleted_keep_nothing() -> None:
    """Its DELETE of a manifest, and its collector, remove the link alone."""
    world = Collected()
    digest, content = world.push_image()
    layer = Digest.parse(json.loads(content)["layers"][0]["digest"])
    for link in (layout.revision_link(APP, digest), layout.layer_link(APP, layer)):
        now(world.driver.delete(link))
    now(world.driver.delete(layout.tag(APP, LATEST)))
    world.collect_to_the_end()
    assert not world.stored(digest)
    assert now(world.registry.catalog.page(None, 10)) == ([], False)


def test_what_waits_of_a_repository_that_is_gone_is_counted_once_and_goes() -> None:
    world = Collected()
    digest = world.push_blob(b"unused")
    world.later(GRACE + 1)
    report = world.collect()
    assert (report.repositories, report.emptied, report.trashed, report.waiting) == (1, 1, 2, 2)
    report = world.collect()
    assert (report.repositories, report.waiting) == (0, 2)
    world.later(TRASH + 1)
    assert world.collect().removed == 2
    assert not world.has(digest)


def test_a_repository_with_an_upload_under_way_stays() -> None:
    world = Collected()
    upload = now(world.registry.uploads.start(APP))
    digest = world.push_blob(b"x")
    now(world.registry.blobs.delete(APP, digest))
    world.collect_to_the_end()
    assert now(world.registry.uploads.offset(APP, upload)) == 0


def test_what_a_client_deleted_does_not_come_back_from_the_trash() -> None:
    world = Collected()
    digest = world.push_blob(b"unused")
    world.later(GRACE + 1)
    world.collect()
    world.push_blob(b"unused")
    now(world.registry.blobs.delete(APP, digest))
    with pytest.raises(BlobUnknown):
        now(world.registry.blobs.size(APP, digest))


def test_a_dry_run_changes_nothing_and_tells_the_same() -> None:
    world = Collected()
    digest = world.push_blob(b"unused")
    world.push_image(tag=None)
    world.later(GRACE + 1)
    dry = world.collect(delete_untagged=True, dry_run=True)
    assert world.stored(digest)
    wet = world.collect(delete_untagged=True)
    assert dry.dry_run
    assert (dry.untagged, dry.links, dry.trashed, dry.trashed_bytes) == (
        wet.untagged,
        wet.links,
        wet.trashed,
        wet.trashed_bytes,
    )


def test_a_manifest_that_cannot_be_read_stops_the_collection_before_anything_goes() -> None:
    world = Collected()
    unused = world.push_blob(b"unused")
    digest, _ = world.push_image(RepositoryName("zzz"))
    now(world.driver.write(layout.blob_data(digest), b"{damaged"))
    world.later(GRACE + 1)
    with pytest.raises(ManifestUnreadable):
        world.collect()
    assert world.stored(unused)
    assert world.has(unused)


def test_two_collections_at_once_are_one() -> None:
    world = Collected()
    refused: list[type[BaseException]] = []

    def second() -> None:
        with pytest.raises(Locked):
            now(world.open().collector.run(Limits(GRACE, TRASH)))
        refused.append(Locked)

    world.collect(meanwhile=second)
    assert refused == [Locked]


def test_more_digests_than_fit_in_memory_are_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("txregistry.registry.collection.marks.Marks.__init__.__defaults__", (3,))
    world = Collected()
    images = [world.push_image(tag=Tag(f"t{n}"), salt=str(n))[0] for n in range(20)]
    unused = world.push_blob(b"unused")
    world.collect_to_the_end()
    for tag, digest in enumerate(images):
        assert now(world.registry.manifests.get(APP, Tag(f"t{tag}")))[0] == digest
    assert not world.has(unused)
    assert now(world.driver.list(layout.MARKS)) == []


def test_without_graces_everything_goes_in_one_run_although_it_has_just_come() -> None:
    world = Collected()
    unused = world.push_blob(b"unused")
    kept, _ = world.push_image(OTHER)
    untagged, _ = world.push_image(tag=None, salt="untagged")
    report = now(world.registry.collector.run(Limits(0, 0, delete_untagged=True)))
    assert (report.waiting, report.untagged) == (0, 1)
    assert report.removed == report.trashed
    assert not world.stored(unused)
    assert not world.stored(untagged)
    assert now(world.registry.manifests.get(OTHER, LATEST))[0] == kept
    assert now(world.registry.catalog.page(None, 10)) == ([str(OTHER)], False)
    assert not _is_there(world, layout.TRASH)


def test_the_report_says_until_when_something_waits() -> None:
    world = Collected()
    world.push_blob(b"unused")
    pushed = world.clock.seconds()
    world.later(GRACE / 2)
    assert world.collect().waiting_until == pushed + GRACE
    world.later(GRACE)
    thrown = world.clock.seconds()
    world.collect()
    world.later(TRASH / 2)
    assert world.collect().waiting_until == thrown + TRASH


def test_progress_is_told_by_repositories_and_then_by_the_share_of_the_content() -> None:
    world = Collected()
    world.push_image()
    world.push_image(OTHER)
    told: list[tuple[int, float]] = []
    now(world.registry.collector.run(Limits(GRACE, TRASH), lambda r: told.append((r.repositories, round(r.swept, 3)))))
    assert told[:2] == [(1, 0.0), (2, 0.0)]
    assert told[-1] == (2, 1.0)
    assert sorted(told) == told


def test_whoever_watches_can_end_a_run_before_anything_goes() -> None:
    world = Collected()
    unused = world.push_blob(b"unused")

    async def watch() -> None:
        raise ServerCame

    with pytest.raises(ServerCame):
        now(world.registry.collector.run(Limits(0, 0), watch=watch))
    assert world.has(unused)
    assert world.driver.open == []


def test_an_empty_store_is_ours_and_one_with_content_is_not_until_it_is_adopted() -> None:
    ours = World()
    assert now(Adoption(ours.driver).is_ours())
    ours.push_image()
    assert now(Adoption(ours.driver).is_ours())
    foreign = World()
    foreign.push_image()
    assert not now(Adoption(foreign.driver).is_ours())
    now(Adoption(foreign.driver).adopt())
    assert now(Adoption(foreign.driver).is_ours())


def test_an_old_copy_in_the_trash_does_not_replace_what_was_pushed_since() -> None:
    """A damaged blob is mended by pushing it again, also while the damaged bytes wait in the trash."""
    world = Collected()
    digest = world.push_blob(b"unused")
    world.later(GRACE + 1)
    world.collect()
    now(world.driver.write(layout.trashed(layout.blob_data(digest)), b"damage"))
    world.push_blob(b"unused")
    world.later(1)
    world.collect()
    assert now(world.driver.read(layout.blob_data(digest))).data == b"unused"
    assert not _is_there(world, layout.trashed(layout.blob_data(digest)))
