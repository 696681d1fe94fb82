"""Tags, catalog and referrers, page by page."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.registry.world import APP, LATEST, World, described, now
from txregistry.oci.digest import Digest
from txregistry.oci.errors import RepositoryUnknown
from txregistry.oci.names import RepositoryName, Tag
from txregistry.storage import layout
from txregistry.storage.errors import StorageFailure
from txregistry.storage.interfaces import FileInfo
from txregistry.storage.memory import MemoryDriver


def _tagged(*tags: str) -> World:
    world = World()
    for tag in tags:
        world.push_image(tag=Tag(tag))
    return world


def test_tags_come_in_asciibetical_order() -> None:
    world = _tagged("b", "a", "B", "_", "1", "a-1", "a.1")
    assert now(world.registry.tags.page(APP, None, None)) == (["1", "B", "_", "a", "a-1", "a.1", "b"], False)


def test_tags_that_were_seen_once_are_listed_again_and_those_that_are_gone_are_not() -> None:
    world = _tagged("a", "b", "c")
    for _ in range(2):
        assert now(world.registry.tags.page(APP, None, None)) == (["a", "b", "c"], False)
        assert now(world.registry.tags.page(APP, "a", 1)) == (["b"], True)
        assert now(world.registry.tags.page(APP, "b", 1)) == (["c"], False)
        assert now(world.registry.tags.page(APP, None, 0)) == ([], False)
    now(world.registry.tags.delete(APP, Tag("b")))
    assert now(world.registry.tags.page(APP, None, None)) == (["a", "c"], False)


def test_a_tag_whose_link_comes_after_its_folder_is_listed_as_soon_as_it_is_set() -> None:
    world = _tagged("a")
    digest = now(world.registry.tags.resolve(APP, Tag("a")))
    now(world.driver.write(layout.tag_history(APP, Tag("b"), digest), str(digest).encode()))
    assert now(world.registry.tags.page(APP, None, None)) == (["a"], False)
    assert now(world.registry.tags.page(APP, None, None)) == (["a"], False)
    now(world.driver.write(layout.tag_current(APP, Tag("b")), str(digest).encode()))
    assert now(world.registry.tags.page(APP, None, None)) == (["a", "b"], False)


def test_a_link_that_is_empty_and_a_folder_that_is_no_tag_are_not_listed() -> None:
    world = _tagged("a", "b")
    now(world.driver.write(layout.tag_current(APP, Tag("b")), b""))
    now(world.driver.write(f"{layout.tags(APP)}/no tag/current/link", b"sha256:"))
    assert now(world.registry.tags.page(APP, None, None)) == (["a"], False)


def test_many_tags_are_told_with_and_without_gaps_among_them() -> None:
    world = _tagged("000")
    link = str(now(world.registry.tags.resolve(APP, Tag("000")))).encode()
    tags = [Tag(f"{number:03}") for number in range(400)]
    for tag in tags:
        now(world.driver.write(layout.tag_current(APP, tag), link if int(tag.text) % 150 else b""))
    expected = [tag.text for tag in tags if int(tag.text) % 150]
    for _ in range(2):
        assert now(world.registry.tags.page(APP, "100", 250)) == (expected[expected.index("101") :][:250], True)
        assert now(world.registry.tags.page(APP, None, None)) == (expected, False)


def test_a_page_of_tags_begins_behind_last_which_need_not_exist() -> None:
    world = _tagged("a", "b", "c", "d")
    assert now(world.registry.tags.page(APP, "a", 2)) == (["b", "c"], True)
    assert now(world.registry.tags.page(APP, "bb", 2)) == (["c", "d"], False)
    assert now(world.registry.tags.page(APP, "z", 2)) == ([], False)


def test_no_tags_are_asked_for_and_none_are_given() -> None:
    """distribution-spec, Listing Tags: "When n is zero, this endpoint MUST return an empty list, and MUST NOT include a
    Link header"."""
    assert now(_tagged("a").registry.tags.page(APP, None, 0)) == ([], False)


def test_a_repository_without_tags_has_an_empty_list_and_one_that_is_not_there_has_none() -> None:
    world = World()
    world.push_image(tag=None)
    assert now(world.registry.tags.page(APP, None, None)) == ([], False)
    with pytest.raises(RepositoryUnknown):
        now(world.registry.tags.page(RepositoryName("nobody"), None, None))


def _catalog(*names: str) -> World:
    world = World()
    for name in names:
        now(world.driver.write(layout.layer_link(RepositoryName(name), Digest.of(b"")), b"x"))
    return world


NAMES = ["a", "a/b", "a/b/c", "a/c", "a-b", "a-b/d", "b"]


def test_the_catalog_is_in_the_order_of_components() -> None:
    world = _catalog(*reversed(NAMES))
    assert now(world.registry.catalog.page(None, 100)) == (NAMES, False)


def test_every_page_of_the_catalog_goes_on_where_the_last_one_ended() -> None:
    world = _catalog(*NAMES)
    for size in range(1, len(NAMES) + 1):
        seen: list[str] = []
        more = True
        while more:
            page, more = now(world.registry.catalog.page(seen[-1] if seen else None, size))
            seen += page
        assert seen == NAMES


def test_the_catalog_goes_on_behind_a_name_that_is_gone() -> None:
    world = _catalog(*NAMES)
    assert now(world.registry.catalog.page("a/bb", 2)) == (["a/c", "a-b"], True)
    assert now(world.registry.catalog.page("a/b/c/d/e", 1)) == (["a/c"], True)


def test_a_folder_with_nothing_but_uploads_is_no_repository() -> None:
    world = _catalog("a")
    now(world.registry.uploads.start(RepositoryName("b")))
    assert now(world.registry.catalog.page(None, 100)) == (["a"], False)


def test_the_catalog_follows_what_others_change_below_names_that_were_seen() -> None:
    world = _catalog(*NAMES)
    catalog = world.registry.catalog
    assert now(catalog.page(None, 100)) == (NAMES, False)
    now(world.driver.write(layout.layer_link(RepositoryName("b/new"), Digest.of(b"")), b"x"))
    assert now(catalog.page(None, 100)) == ([*NAMES, "b/new"], False)
    now(world.driver.delete(layout.all_layers(RepositoryName("b"))))
    assert now(catalog.page(None, 100)) == ([*NAMES[:-1], "b/new"], False)
    now(world.driver.delete(layout.repository(RepositoryName("a"))))
    assert now(catalog.page(None, 100)) == (["a-b", "a-b/d", "b/new"], False)


def test_a_page_looks_at_little_more_than_it_tells() -> None:
    names = [f"team-{team}/{kind}-{number:02}" for team in range(9) for kind in ("app", "tool") for number in range(50)]
    world = _catalog(*names)
    looked: list[str] = []

    async def stat_each(folder: str, names: Sequence[str]) -> Sequence[FileInfo | None]:
        looked.extend(names)
        return [await world.driver.stat(f"{folder}/{name}") for name in names]

    world.driver.stat_each = stat_each  # type: ignore[method-assign]  # to listen in
    assert now(world.registry.catalog.page("team-4/app-40", 20)) == (names[441:461], True)
    assert len(looked) < 40


def test_a_long_page_of_the_catalog_is_whole() -> None:
    names = sorted([f"{number:03}" for number in range(300)] + [f"{number:03}/x" for number in range(0, 300, 7)])
    assert now(_catalog(*names).registry.catalog.page(None, 1000)) == (names, False)


def test_an_empty_store_has_an_empty_catalog() -> None:
    assert now(World().registry.catalog.page(None, 100)) == ([], False)


def _referrers(world: World, subject: Digest, kind: str | None = None) -> list[str]:
    found, _ = now(world.registry.referrers.page(APP, subject, kind, None, 100))
    return sorted(json.loads(entry)["digest"] for entry in found)


def test_referrers_are_filtered_by_artifact_type() -> None:
    world = World()
    subject, _ = world.push_image()
    sbom, _ = world.push_image(tag=None, salt="1", subject=described(subject), artifactType="text/sbom")
    plain, _ = world.push_image(tag=None, salt="2", subject=described(subject))
    assert _referrers(world, subject) == sorted([str(sbom), str(plain)])
    assert _referrers(world, subject, "text/sbom") == [str(sbom)]
    # distribution-spec, Listing Referrers: "If the artifactType is empty or missing in the image manifest, the value of
    # artifactType MUST be set to the config descriptor mediaType value."
    assert _referrers(world, subject, "application/vnd.oci.image.config.v1+json") == [str(plain)]


def test_annotations_of_a_referrer_are_told() -> None:
    world = World()
    subject, _ = world.push_image()
    world.push_image(tag=None, salt="1", subject=described(subject), annotations={"who": "me"})
    found, _ = now(world.registry.referrers.page(APP, subject, None, None, 100))
    assert json.loads(found[0])["annotations"] == {"who": "me"}


def test_referrers_are_told_page_by_page() -> None:
    world = World()
    subject, _ = world.push_image()
    pushed = {str(world.push_image(tag=None, salt=str(n), subject=described(subject))[0]) for n in range(7)}
    seen: list[str] = []
    last: str | None = None
    while True:
        found, last = now(world.registry.referrers.page(APP, subject, None, last, 3))
        seen += [json.loads(entry)["digest"] for entry in found]
        if last is None:
            break
    assert len(seen) == 7
    assert set(seen) == pushed


def test_a_page_of_referrers_is_full_although_others_are_left_out_before_it() -> None:
    world = World()
    subject, _ = world.push_image()
    pushed = [
        str(world.push_image(tag=None, salt=str(n), subject=described(subject), artifactType=f"text/{n % 2}")[0])
        for n in range(20)
    ]
    expected = sorted(pushed[1::2])
    found, key = now(world.registry.referrers.page(APP, subject, "text/1", None, 7))
    assert [json.loads(entry)["digest"] for entry in found] == expected[:7]
    rest, last = now(world.registry.referrers.page(APP, subject, "text/1", key, 7))
    assert [json.loads(entry)["digest"] for entry in rest] == expected[7:]
    assert last is None


def test_a_referrer_that_is_told_is_kept_for_another_grace_and_comes_back_from_the_trash() -> None:
    world = World(grace=100.0)
    subject, _ = world.push_image()
    digest, _ = world.push_image(tag=None, salt="x", subject=described(subject))
    link = layout.revision_link(APP, digest)
    world.clock.advance(60)
    assert _referrers(world, subject) == [str(digest)]
    assert now(world.driver.stat(link)).modified == world.clock.seconds()
    now(world.driver.move(link, layout.trashed(link)))
    assert _referrers(world, subject) == [str(digest)]


def test_referrers_of_what_is_not_there_are_none() -> None:
    assert _referrers(World(), Digest.of(b"nothing")) == []


def test_manifests_that_distribution_stored_are_found_as_referrers() -> None:
    """distribution-spec, Enabling the Referrers API: "The registry MUST include preexisting image manifests … in the
    list"."""
    world = World()
    subject, _ = world.push_image()
    digest, _ = world.push_image(tag=LATEST, salt="old", subject=described(subject))
    now(world.driver.delete("docker/registry/v2/repositories/library/app/_referrers"))
    assert _referrers(world, subject) == [str(digest)]
    # One that is written beside us later is found too, by this process and by the next.
    later, _ = world.push_image(tag=LATEST, salt="later", subject=described(subject))
    now(world.driver.delete(layout.referrer(APP, subject, later)))
    assert _referrers(world, subject) == sorted([str(digest), str(later)])
    # What a scan filed may be empty after a power cut; the next process looks again.
    now(world.driver.write(layout.referrer(APP, subject, later), b""))
    world.registry = world.open()
    assert _referrers(world, subject) == sorted([str(digest), str(later)])


class Fillable(MemoryDriver):
    """While it is `full`, nothing can be written."""

    full = False

    async def write(self, path: str, content: bytes, durable: bool = True) -> None:
        if self.full:
            raise StorageFailure(path, "No space left on device", out_of_space=True)
        await super().write(path, content, durable)


def test_referrers_are_told_where_nothing_can_be_written() -> None:
    world = World()
    world.clock.advance(10)
    world.driver = driver = Fillable(world.clock.seconds)
    world.registry = world.open()
    subject, _ = world.push_image()
    digest, _ = world.push_image(tag=LATEST, salt="new", subject=described(subject))
    driver.full = True
    assert _referrers(world, subject) == [str(digest)]


def test_a_manifest_that_distribution_deleted_is_no_referrer_any_more() -> None:
    world = World()
    subject, _ = world.push_image()
    digest, _ = world.push_image(tag=None, salt="x", subject=described(subject))
    now(world.driver.delete(layout.revision(APP, digest)))
    assert _referrers(world, subject) == []
