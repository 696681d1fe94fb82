"""Every link of every repository is resolved, and what a crash or another registry left is told."""

from __future__ import annotations

import json

import pytest

from tests.registry.checking.checks import DAY, Examined
from tests.registry.world import APP, LATEST, OTHER, Bytes, described, index, manifest, now
from txregistry.config.model import Indexes, Manifests, Validation
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestUnknown
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.checking.checker import UPLOAD_AGE
from txregistry.registry.checking.findings import Kind
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound

ABSENT = Digest.of(b"absent")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", Kind.EMPTY_LINK),
        (b"\n", Kind.EMPTY_LINK),
        (b"sha256:abc", Kind.MALFORMED_LINK),
        (b"\xff\xfe", Kind.MALFORMED_LINK),
        (str(ABSENT).encode(), Kind.WRONG_LINK),
    ],
)
def test_a_bad_link_of_a_blob_is_found_and_put_aside(content: bytes, kind: Kind) -> None:
    """registry:2 writes links in place, so a crash leaves empty ones behind."""
    world = Examined()
    digest = world.push_blob(b"content")
    path = layout.layer_link(APP, digest)
    world.write(path, content)
    assert world.check(repair=True) == [(kind, path)]
    assert world.quarantine() == [path.removeprefix("docker/registry/v2/")]
    assert world.check() == []


def test_a_bad_link_of_a_manifest_is_found_with_the_tag_that_names_it_once_it_is_gone() -> None:
    world = Examined()
    digest, _ = world.push_image()
    world.write(layout.revision_link(APP, digest))
    assert world.check() == [(Kind.EMPTY_LINK, layout.revision_link(APP, digest))]
    world.check(repair=True)
    assert world.check(repair=True) == [(Kind.DANGLING_TAG, layout.tag_current(APP, LATEST))]
    assert world.check() == []
    assert now(world.registry.tags.page(APP, None, None)) == ([], False)


def test_a_link_to_content_that_is_gone_is_told_and_left_for_the_next_push() -> None:
    world = Examined()
    digest = world.push_blob(b"content")
    now(world.registry.blobs.mount(OTHER, digest, APP))
    world.lose(layout.blob_data(digest))
    expected = [(Kind.DANGLING_LINK, layout.layer_link(name, digest)) for name in (APP, OTHER)]
    assert world.check(repair=True) == expected
    assert world.check() == expected
    world.push_blob(b"content", OTHER)
    assert world.check() == []


def test_a_link_of_one_algorithm_may_name_the_same_content_by_another() -> None:
    """Distribution keeps what was pushed by sha512 under sha256."""
    world = Examined()
    world.push_blob(b"content")
    alias = Digest.of(b"content", "sha512")
    world.write(layout.layer_link(APP, alias), str(Digest.of(b"content")).encode())
    assert world.check() == []
    other = Digest.of(b"other content", "sha512")
    world.write(layout.layer_link(APP, other), str(Digest.of(b"content")).encode())
    assert world.check() == [(Kind.WRONG_LINK, layout.layer_link(APP, other))]


def test_an_image_whose_layer_is_gone_is_named() -> None:
    world = Examined()
    digest, content = world.push_image()
    layer = Digest.parse(json.loads(content)["layers"][0]["digest"])
    now(world.registry.blobs.delete(APP, layer))
    assert world.check(repair=True) == [(Kind.MISSING_BLOB, layout.revision_link(APP, digest))]
    [finding] = world.found
    assert (finding.repository, finding.digest, finding.repaired) == (APP.text, str(layer), False)
    # What is left of the image stays, for whoever pushes the layer again.
    assert now(world.registry.manifests.get(APP, LATEST))[0] == digest


def test_a_layer_that_is_held_elsewhere_is_not_missed() -> None:
    world = Examined()
    config = world.push_blob(b"{}")
    foreign = {
        **described(ABSENT, media_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        "urls": ["https://example.com/layer"],
    }
    document = {**json.loads(manifest(config, [])), "layers": [foreign]}
    content = json.dumps(document).encode()
    digest = Digest.of(content)
    world.write(layout.blob_data(digest), content)
    world.write(layout.revision_link(APP, digest), str(digest).encode())
    assert world.check() == []


def test_a_schema_1_manifest_needs_its_layers() -> None:
    world = Examined()
    content = json.dumps({"schemaVersion": 1, "fsLayers": [{"blobSum": str(ABSENT)}]}).encode()
    digest = Digest.of(content)
    world.write(layout.blob_data(digest), content)
    world.write(layout.revision_link(APP, digest), str(digest).encode())
    assert world.check() == [(Kind.MISSING_BLOB, layout.revision_link(APP, digest))]


@pytest.mark.parametrize("platforms", ["all", "none"])
def test_a_child_of_an_index_is_missed_where_a_push_would_need_it(platforms: str) -> None:
    world = Examined()
    child, _ = world.push_image(tag=None)
    top = index(child)
    now(world.registry.manifests.put(APP, LATEST, top, mediatypes.OCI_INDEX))
    assert world.check() == []
    now(world.registry.manifests.delete(APP, child))
    world.validation = Validation(manifests=Manifests(indexes=Indexes(platforms=platforms)))  # type: ignore[arg-type]
    missing = [(Kind.MISSING_CHILD, layout.revision_link(APP, Digest.of(top)))]
    assert world.check() == (missing if platforms == "all" else [])


@pytest.mark.parametrize("content", [b"no json", b"[]", b"[" * 100_000])
def test_a_manifest_that_cannot_be_read_is_put_aside_so_that_collections_go_on(content: bytes) -> None:
    world = Examined()
    digest = Digest.of(content)
    world.write(layout.blob_data(digest), content)
    world.write(layout.revision_link(APP, digest), str(digest).encode())
    assert world.check(repair=True) == [(Kind.UNREADABLE_MANIFEST, layout.revision_link(APP, digest))]
    assert world.check() == []
    assert world.has(layout.blob_data(digest))


def test_a_tag_whose_manifest_is_gone_is_put_aside_with_its_history() -> None:
    world = Examined()
    digest, _ = world.push_image()
    world.push_image(tag=Tag("other"), salt="other")
    world.lose(layout.revision_link(APP, digest))
    assert world.check(repair=True) == [(Kind.DANGLING_TAG, layout.tag_current(APP, LATEST))]
    assert now(world.registry.tags.page(APP, None, None)) == (["other"], False)
    assert len(world.quarantine()) == 2
    assert world.check() == []


def test_a_tag_that_moves_while_it_is_looked_at_is_not_reported() -> None:
    world = Examined()
    old, _ = world.push_image()
    world.lose(layout.revision_link(APP, old))
    assert world.check(repair=True, meanwhile=lambda: world.push_image(salt="new")) == []
    assert now(world.registry.manifests.get(APP, LATEST))


def test_a_tag_that_a_crash_left_without_a_manifest_is_put_aside() -> None:
    world = Examined()
    digest, _ = world.push_image()
    world.write(layout.tag_history(APP, Tag("half"), digest), str(digest).encode())
    folder = layout.tag(APP, Tag("half"))
    assert world.check(repair=True) == [(Kind.UNSET_TAG, f"{folder}/index")]
    assert not world.has(folder)
    world.write(layout.tag_current(APP, Tag("half")))
    assert world.check(repair=True) == [(Kind.EMPTY_LINK, layout.tag_current(APP, Tag("half")))]
    world.empty_folder(f"{folder}/current")
    assert world.check(repair=True) == [(Kind.EMPTY_FOLDER, f"{folder}/current")]
    assert not world.has(folder)
    assert world.check() == []


def test_what_a_tag_once_named_may_be_gone() -> None:
    world = Examined()
    old, _ = world.push_image()
    world.push_image(salt="new")
    now(world.registry.manifests.delete(APP, old))
    assert world.check() == []
    world.write(layout.tag_history(APP, LATEST, old))
    assert world.check() == [(Kind.EMPTY_LINK, layout.tag_history(APP, LATEST, old))]


@pytest.mark.parametrize(
    "path",
    [
        f"{layout.REPOSITORIES}/library/app/_unknown",
        f"{layout.REPOSITORIES}/library/app/_manifests/notes",
        f"{layout.layers(APP, 'sha256')}/zz",
        f"{layout.revisions(APP, 'sha256')}/zz",
        f"{layout.tags(APP)}/-not-a-tag",
        f"{layout.uploads(APP)}/not-an-upload",
        f"{layout.all_referrers(APP)}/notes",
        f"{layout.tag(APP, LATEST)}/notes",
        f"{layout.REPOSITORIES}/library/file",
        f"{layout.REPOSITORIES}/file",
    ],
)
def test_what_does_not_belong_to_a_repository_is_put_aside(path: str) -> None:
    world = Examined()
    world.push_image()
    world.write(path, b"kept")
    assert world.check(repair=True) == [(Kind.STRAY, path)]
    assert world.quarantine() == [path.removeprefix("docker/registry/v2/")]
    assert world.check() == []


def test_signatures_that_an_old_registry_kept_beside_a_manifest_may_stay() -> None:
    world = Examined()
    digest, _ = world.push_image()
    world.write(f"{layout.revision(APP, digest)}/signatures/sha256/{ABSENT.hex}/link", str(ABSENT).encode())
    assert world.check() == []


def test_names_that_nobody_can_ask_for_are_told_and_left() -> None:
    world = Examined()
    world.push_image(RepositoryName("good"))
    bad, long = f"{layout.REPOSITORIES}/UPPER", f"{layout.REPOSITORIES}/{'x' * 256}"
    world.write(f"{bad}/_layers/sha256/file")
    world.write(f"{long}/below/_layers/sha256/file")
    expected = [(Kind.MALFORMED_NAME, bad), (Kind.MALFORMED_NAME, long)]
    assert world.check(repair=True) == expected
    assert world.check() == expected


def test_empty_folders_of_links_and_names_are_removed_and_those_that_stay_empty_are_not_told() -> None:
    world = Examined()
    digest = world.push_blob(b"content")
    now(world.registry.blobs.delete(APP, digest))
    assert world.check() == []
    empty = [
        f"{layout.REPOSITORIES}/a/b/c",
        layout.layer(APP, digest),
        layout.revision(APP, digest),
        layout.tag(APP, LATEST),
    ]
    for folder in empty:
        world.empty_folder(folder)
    assert world.check(repair=True) == [(Kind.EMPTY_FOLDER, folder) for folder in sorted(empty)]
    assert not world.has(f"{layout.REPOSITORIES}/a")
    assert world.check() == []


def test_a_link_that_waits_in_the_trash_is_not_missed() -> None:
    world = Examined()
    digest, content = world.push_image()
    layer = Digest.parse(json.loads(content)["layers"][0]["digest"])
    for path in (layout.layer_link(APP, layer), layout.revision_link(APP, digest)):
        now(world.driver.move(path, layout.trashed(path)))
        now(world.driver.remove_empty(path.rpartition("/")[0]))
    assert world.check(repair=True) == []
    assert not world.has(layout.layer_link(APP, layer))
    assert now(world.registry.manifests.get(APP, LATEST))[0] == digest


def test_uploads_rest_for_a_week_and_are_then_put_aside() -> None:
    world = Examined()
    upload = now(world.registry.uploads.start(APP))
    now(world.registry.uploads.append(APP, upload, Bytes(b"half"), None))
    assert world.check() == []
    world.clock.advance(UPLOAD_AGE - DAY)
    now(world.registry.uploads.append(APP, upload, Bytes(b" more"), None))
    world.clock.advance(2 * DAY)
    assert world.check(repair=True) == []
    world.clock.advance(UPLOAD_AGE)
    assert world.check(repair=True) == [(Kind.ORPHANED_UPLOAD, layout.upload(APP, upload))]
    assert [finding.repaired for finding in world.found] == [True]
    assert layout.upload_data(APP, upload).removeprefix("docker/registry/v2/") in world.quarantine()
    assert world.check() == []


def test_an_upload_without_a_beginning_is_an_orphan_once_it_had_time_to_get_one() -> None:
    world = Examined()
    upload = now(world.registry.uploads.start(APP))
    now(world.registry.uploads.append(APP, upload, Bytes(b"half"), None))
    now(world.driver.delete(layout.upload_started(APP, upload)))
    assert world.check() == []
    world.clock.advance(120)
    assert world.check() == [(Kind.ORPHANED_UPLOAD, layout.upload(APP, upload))]


def test_an_upload_that_somebody_holds_is_not_put_aside() -> None:
    world = Examined()
    upload = now(world.registry.uploads.start(APP))
    world.clock.advance(UPLOAD_AGE)
    lock = now(world.driver.lock(layout.upload(APP, upload)))
    assert world.check(repair=True) == [(Kind.ORPHANED_UPLOAD, layout.upload(APP, upload))]
    assert [finding.repaired for finding in world.found] == [False]
    lock.release()
    assert now(world.registry.uploads.offset(APP, upload)) == 0


def test_referrers_that_are_missing_or_wrong_are_made_from_their_manifests() -> None:
    world = Examined()
    subject, _ = world.push_image()
    signature, _ = world.push_image(tag=None, salt="s", subject=described(subject), artifactType="application/x")
    path = layout.referrer(APP, subject, signature)
    filed = now(world.driver.read(path)).data
    for damage in (b"", b"{}", b'{"digest": 1}'):
        world.write(path, damage)
        assert world.check(repair=True) == [(Kind.WRONG_REFERRER, path)]
        assert now(world.driver.read(path)).data == filed
    now(world.registry.referrers.page(APP, subject, None, None, 10))
    now(world.driver.delete(path))
    # Younger than the last scan reaches back: whoever asks next has it filed.
    assert world.check() == []
    world.write(layout.referrers_scanned(APP), repr(world.clock.seconds() + 10).encode())
    assert world.check(repair=True) == [(Kind.MISSING_REFERRER, path)]
    assert now(world.driver.read(path)).data == filed
    assert world.check() == []


def test_referrers_of_manifests_that_are_gone_or_never_had_the_subject_are_stale() -> None:
    world = Examined()
    subject, _ = world.push_image()
    signature, _ = world.push_image(tag=None, salt="s", subject=described(subject))
    stale = [layout.referrer(APP, subject, ABSENT), layout.referrer(APP, ABSENT, signature)]
    for path in stale:
        world.write(path, b"{}")
    assert world.check(repair=True) == sorted((Kind.STALE_REFERRER, path) for path in stale)
    assert world.check() == []
    assert len(now(world.registry.referrers.page(APP, subject, None, None, 10))[0]) == 1
    assert not world.has(layout.referrers(APP, ABSENT))


def test_a_subject_may_be_absent() -> None:
    """distribution-spec, "Pushing Manifests with Subject": the subject MAY reference a manifest that does not exist."""
    world = Examined()
    world.push_image(subject=described(ABSENT))
    assert world.check() == []


def test_a_push_between_two_looks_makes_nothing_look_wrong() -> None:
    world = Examined()
    digest, _ = world.push_image()
    world.lose(layout.revision_link(APP, digest))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, LATEST))
    assert world.check(meanwhile=lambda: world.push_image()) == []


def test_a_tag_that_is_set_between_the_last_look_and_the_repair_stays() -> None:
    world = Examined()
    digest, _ = world.push_image()
    world.lose(layout.revision_link(APP, digest))
    path, move = layout.tag_current(APP, LATEST), world.driver.move

    async def push_then_move(source: str, target: str, durable: bool = True) -> None:
        if source == path:
            world.push_image(salt="new")
        await move(source, target, durable)

    world.driver.move = push_then_move  # type: ignore[method-assign]  # the moment cannot be met otherwise
    world.check(repair=True)
    assert [finding.repaired for finding in world.found] == [False]
    assert now(world.registry.manifests.get(APP, LATEST))[0] != digest


def test_what_is_gone_when_it_is_to_be_put_aside_was_not_repaired() -> None:
    world = Examined()
    world.push_blob(b"content")
    path = f"{layout.layers(APP, 'sha256')}/zz"
    world.write(path)

    async def gone(source: str, target: str, durable: bool = True) -> None:
        raise PathNotFound(source)

    world.driver.move = gone  # type: ignore[method-assign]  # the moment cannot be met otherwise
    world.check(repair=True)
    assert [finding.repaired for finding in world.found] == [False]
