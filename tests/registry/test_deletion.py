"""Whole repositories that are deleted."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.registry.world import APP, LATEST, OTHER, Bytes, Trickle, World, described, now
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import BlobUnknown, ManifestReferencesUnknown, ManifestUnknown, RepositoryUnknown
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.collection.limits import Limits
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound

PARENT, CHILD = RepositoryName("library"), RepositoryName("library/app/nested")


def is_there(world: World, path: str) -> bool:
    try:
        now(world.driver.stat(path))
    except PathNotFound:
        return False
    return True


def names(world: World) -> list[str]:
    return now(world.registry.catalog.page(None, 100))[0]


def test_a_deleted_repository_leaves_the_catalog_and_the_disk() -> None:
    world = World()
    digest, _ = world.push_image()
    world.push_image(salt="signature", tag=None, subject=described(digest))
    now(world.registry.deletion.delete(APP))
    assert names(world) == []
    assert not is_there(world, f"{layout.REPOSITORIES}/library")
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, LATEST))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, digest))
    assert now(world.registry.referrers.page(APP, digest, None, None, 10)) == ([], None)
    assert world.driver.open == []


def test_repositories_above_and_below_it_stay() -> None:
    world = World()
    for name in (PARENT, APP, CHILD):
        world.push_image(name)
    now(world.registry.deletion.delete(APP))
    assert names(world) == ["library", "library/app/nested"]
    for name in (PARENT, CHILD):
        assert now(world.registry.manifests.get(name, LATEST))


def test_what_others_have_of_its_content_stays_theirs() -> None:
    world = World()
    digest, _ = world.push_image()
    world.push_image(OTHER)
    now(world.registry.deletion.delete(APP))
    world.clock.advance(10)
    now(world.registry.collector.run(Limits(0, 0)))
    assert now(world.registry.manifests.get(OTHER, LATEST))[0] == digest


def test_its_own_content_goes_with_the_next_collection() -> None:
    world = World()
    digest, _ = world.push_image()
    now(world.registry.deletion.delete(APP))
    assert is_there(world, layout.blob_data(digest))
    now(world.registry.collector.run(Limits(0, 0)))
    assert not is_there(world, layout.blob_data(digest))


def test_what_waits_in_the_trash_does_not_come_back() -> None:
    world = World()
    world.clock.advance(1_000_000)
    untagged, _ = world.push_image(tag=None)
    blob = world.push_blob(b"unused")
    world.push_image(salt="tagged")
    world.push_image(CHILD, tag=None)
    world.clock.advance(world.grace + 1)
    now(world.registry.collector.run(Limits(world.grace, world.grace, delete_untagged=True)))
    now(world.registry.deletion.delete(APP))
    with pytest.raises(BlobUnknown):
        now(world.registry.blobs.size(APP, blob))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, untagged))
    # That of the repository below it does.
    assert now(world.registry.manifests.get(CHILD, untagged))


def test_an_unknown_repository_is_told() -> None:
    world = World()
    world.push_image(CHILD)
    with pytest.raises(RepositoryUnknown):
        now(world.registry.deletion.delete(OTHER))
    with pytest.raises(RepositoryUnknown):
        now(world.registry.deletion.delete(APP))


def test_its_idle_uploads_go_and_one_that_is_written_to_goes_on() -> None:
    world = World()
    world.push_image()
    idle = now(world.registry.uploads.start(APP))
    busy = now(world.registry.uploads.start(APP))
    source = Trickle()
    appending = Deferred.fromCoroutine(world.registry.uploads.append(APP, busy, source, None))
    source.give(b"half")
    now(world.registry.deletion.delete(APP))
    assert names(world) == []
    source.end()
    assert now(appending) == 4
    assert not is_there(world, layout.upload(APP, idle))
    now(world.registry.uploads.finish(APP, busy, Bytes(b""), None, Digest.of(b"half")))
    assert names(world) == ["library/app"]


def test_a_repository_can_be_pushed_again_at_once() -> None:
    world = World()
    _, content = world.push_image()
    now(world.registry.deletion.delete(APP))
    world.push_image()
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == content


def test_tags_and_links_that_another_registry_left_broken_go_too() -> None:
    world = World()
    world.push_image()
    now(world.driver.write(f"{layout.tags(APP)}/empty/current/link", b""))
    now(world.driver.write(f"{layout.tags(APP)}/not a tag/current/link", b"x"))
    now(world.registry.deletion.delete(APP))
    assert not is_there(world, layout.repository(APP))


def test_a_tag_that_is_set_while_the_repository_goes_does_not_name_what_is_missing() -> None:
    world = World()
    digest, content = world.push_image()
    hold = now(world.driver.lock(layout.tag(APP, LATEST)))
    deleting = Deferred.fromCoroutine(world.registry.deletion.delete(APP))
    # The deletion waits for the tag; a push sets another one, and goes through.
    now(world.registry.manifests.put(APP, Tag("other"), content, mediatypes.OCI_MANIFEST))
    hold.release()
    world.clock.advance(1)
    now(deleting)
    with pytest.raises(ManifestUnknown):
        now(world.registry.tags.resolve(APP, Tag("other")))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, digest))


def test_a_push_that_comes_in_between_is_deleted_too_or_refused() -> None:
    world = World()
    digest, content = world.push_image()
    drop = world.driver.delete
    pushed: list[type[BaseException] | None] = []

    async def pushing(path: str, durable: bool = True) -> None:
        """Just before each step somebody pushes a manifest whose blobs he pushed before."""
        step = world.registry.manifests.put(APP, digest, content, mediatypes.OCI_MANIFEST)
        if path in (layout.all_layers(APP), layout.all_revisions(APP)):
            try:
                now(step)
                pushed.append(None)
            except ManifestReferencesUnknown:
                pushed.append(ManifestReferencesUnknown)
        else:
            step.close()
        await drop(path, durable)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world.driver, "delete", pushing)
        now(world.registry.deletion.delete(APP))
    assert pushed[0] is None
    assert set(pushed[1:]) == {ManifestReferencesUnknown}
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, digest))
    assert names(world) == []


def test_the_tags_do_not_wait_for_each_other_and_what_they_name_goes_later() -> None:
    world = World()
    digest, content = world.push_image()
    now(world.registry.manifests.put(APP, Tag("other"), content, mediatypes.OCI_MANIFEST))
    drop, goes_on = world.driver.delete, Deferred[None]()

    async def waiting(path: str, durable: bool = True) -> None:
        if path == layout.tag(APP, LATEST):
            await goes_on
        await drop(path, durable)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world.driver, "delete", waiting)
        deletion = Deferred.fromCoroutine(world.registry.deletion.delete(APP))
        assert now(world.registry.tags.page(APP, None, None)) == ([str(LATEST)], False)
        assert now(world.registry.manifests.get(APP, LATEST))[0] == digest
        goes_on.callback(None)
    assert deletion.called
    assert names(world) == []
