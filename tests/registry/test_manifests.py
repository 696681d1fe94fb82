"""What is accepted as a manifest, and what a push and a delete change."""

from __future__ import annotations

import json

import pytest

from tests.registry.world import APP, LATEST, OTHER, World, described, index, manifest, now
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import (
    DigestInvalid,
    ManifestInvalid,
    ManifestReferencesUnknown,
    ManifestUnknown,
)
from txregistry.oci.names import Tag
from txregistry.storage import layout
from txregistry.storage.memory import MemoryDriver


def test_the_exact_bytes_are_stored_and_given_back() -> None:
    """distribution-spec, Pushing Manifests: "The registry MUST store the manifest in the exact byte representation
    provided by the client"."""
    world = World()
    content = world.image().replace(b": ", b":   ")
    now(world.registry.manifests.put(APP, LATEST, content, mediatypes.OCI_MANIFEST))
    digest, stored = now(world.registry.manifests.get(APP, LATEST))
    assert (stored.content, stored.media_type) == (content, mediatypes.OCI_MANIFEST)
    assert digest == Digest.of(content)
    assert now(world.registry.manifests.get(APP, digest)) == (digest, stored)


def test_links_are_written_as_distribution_writes_them() -> None:
    world = World()
    digest, _ = world.push_image()
    text = str(digest).encode()
    for path in (
        f"docker/registry/v2/repositories/library/app/_manifests/revisions/sha256/{digest.hex}/link",
        "docker/registry/v2/repositories/library/app/_manifests/tags/latest/current/link",
        f"docker/registry/v2/repositories/library/app/_manifests/tags/latest/index/sha256/{digest.hex}/link",
    ):
        assert now(world.driver.read(path)).data == text
    blob = f"docker/registry/v2/blobs/sha256/{digest.hex[:2]}/{digest.hex}/data"
    assert Digest.of(now(world.driver.read(blob)).data) == digest


def test_a_manifest_that_names_missing_blobs_is_refused_with_all_of_them() -> None:
    world = World()
    config, layer = Digest.of(b"no config"), Digest.of(b"no layer")
    with pytest.raises(ManifestReferencesUnknown) as refusal:
        now(world.registry.manifests.put(APP, LATEST, manifest(config, [layer]), mediatypes.OCI_MANIFEST))
    assert refusal.value.digests == (config, layer)
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, LATEST))


def test_blobs_of_another_repository_do_not_count() -> None:
    world = World()
    content = world.image(OTHER)
    with pytest.raises(ManifestReferencesUnknown):
        now(world.registry.manifests.put(APP, LATEST, content, mediatypes.OCI_MANIFEST))


def test_a_missing_child_of_an_index_is_refused_and_a_present_one_accepted() -> None:
    world = World()
    child, _ = world.push_image(tag=None)
    now(world.registry.manifests.put(APP, LATEST, index(child), mediatypes.OCI_INDEX))
    with pytest.raises(ManifestReferencesUnknown):
        now(world.registry.manifests.put(APP, LATEST, index(child, Digest.of(b"?")), mediatypes.OCI_INDEX))


def test_a_missing_subject_is_accepted() -> None:
    """distribution-spec, Pushing Manifests with Subject: "A registry MUST accept a manifest with a subject that does
    not exist"."""
    world = World()
    subject = Digest.of(b"comes later")
    digest, content = world.push_image(subject=described(subject, media_type=mediatypes.OCI_MANIFEST))
    found, more = now(world.registry.referrers.page(APP, subject, None, None, 10))
    assert [json.loads(entry)["digest"] for entry in found] == [str(digest)]
    assert more is None
    assert json.loads(content)["subject"]["digest"] == str(subject)


def test_a_digest_that_is_not_the_contents_is_refused() -> None:
    world = World()
    content = world.image()
    with pytest.raises(DigestInvalid):
        now(world.registry.manifests.put(APP, Digest.of(b"other"), content, mediatypes.OCI_MANIFEST))


def test_a_manifest_pushed_by_sha512_is_found_by_it() -> None:
    world = World()
    content = world.image()
    digest = Digest.of(content, "sha512")
    pushed = now(world.registry.manifests.put(APP, digest, content, mediatypes.OCI_MANIFEST, (Tag("a"), Tag("b"))))
    assert pushed.digest == digest
    assert now(world.registry.manifests.get(APP, Tag("b")))[0] == digest


class DeletingDriver(MemoryDriver):
    """Somebody deletes a blob at the moment at which a manifest that names it becomes visible."""

    victim: str | None = None

    async def write(self, path: str, content: bytes, durable: bool = True) -> None:
        """See `IStorageDriver`."""
        await super().write(path, content, durable)
        if self.victim is not None and "/_manifests/revisions/" in path:
            await self.delete(self.victim)
            self.victim = None


def test_a_manifest_whose_blob_is_deleted_while_it_is_written_is_refused_and_not_left_behind() -> None:
    world = World()
    world.driver = DeletingDriver(world.clock.seconds)
    world.registry = world.open()
    content = world.image()
    layer = Digest.parse(json.loads(content)["layers"][0]["digest"])
    world.driver.victim = layout.layer(APP, layer)
    with pytest.raises(ManifestReferencesUnknown) as refusal:
        now(world.registry.manifests.put(APP, LATEST, content, mediatypes.OCI_MANIFEST))
    assert refusal.value.digests == (layer,)
    for reference in (LATEST, Digest.of(content)):
        with pytest.raises(ManifestUnknown):
            now(world.registry.manifests.get(APP, reference))


def test_a_broken_manifest_changes_nothing() -> None:
    world = World()
    with pytest.raises(ManifestInvalid):
        now(world.registry.manifests.put(APP, LATEST, b"{", mediatypes.OCI_MANIFEST))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, LATEST))


def test_deleting_a_tag_leaves_the_manifest_and_its_other_tags() -> None:
    world = World()
    digest, _ = world.push_image()
    world.push_image(tag=Tag("other"))
    now(world.registry.manifests.delete(APP, LATEST))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, LATEST))
    assert now(world.registry.manifests.get(APP, Tag("other")))[0] == digest
    assert now(world.registry.manifests.get(APP, digest))[0] == digest


def test_deleting_by_digest_takes_every_tag_on_it_and_no_other() -> None:
    world = World()
    digest, _ = world.push_image()
    world.push_image(tag=Tag("same"))
    world.push_image(tag=Tag("different"), salt="x")
    now(world.registry.manifests.delete(APP, digest))
    assert now(world.registry.tags.page(APP, None, None)) == (["different"], False)
    for reference in (digest, LATEST, Tag("same")):
        with pytest.raises(ManifestUnknown):
            now(world.registry.manifests.get(APP, reference))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.delete(APP, digest))


def test_deleting_an_artifact_takes_it_from_its_subjects_referrers() -> None:
    world = World()
    subject, _ = world.push_image()
    digest, _ = world.push_image(tag=None, salt="sig", subject=described(subject))
    now(world.registry.manifests.delete(APP, digest))
    assert now(world.registry.referrers.page(APP, subject, None, None, 10)) == ([], None)


def test_an_empty_link_counts_as_absent() -> None:
    """registry:2 writes links in place: a crash leaves empty ones behind."""
    world = World()
    world.push_image()
    now(world.driver.write(layout.tag_current(APP, LATEST), b""))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, LATEST))
    assert now(world.registry.tags.page(APP, None, None)) == ([], False)


def test_a_manifest_whose_bytes_are_gone_is_unknown() -> None:
    world = World()
    digest, _ = world.push_image()
    now(world.driver.delete(layout.blob_data(digest)))
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, digest))


def test_what_another_process_pushed_deleted_or_moved_is_seen_at_once() -> None:
    """distribution#3743 and others: a cache that says a blob exists after it was deleted breaks images."""
    world, other = World(), None
    other = world.open()
    first, _ = world.push_image()
    assert now(other.manifests.get(APP, LATEST))[0] == first
    second, _ = world.push_image(salt="second")
    assert now(other.manifests.get(APP, LATEST))[0] == second
    now(world.registry.manifests.delete(APP, second))
    with pytest.raises(ManifestUnknown):
        now(other.manifests.get(APP, second))
