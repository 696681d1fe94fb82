"""Who asks for a manifest that waits in the trash gets it with everything in it, at whatever moment of a collection."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from tests.registry.world import APP, World, index, now
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestUnknown
from txregistry.registry.collection.limits import Limits
from txregistry.storage import layout
from txregistry.storage.memory import MemoryDriver

GRACE, TRASH = 100.0, 50.0
TRASHED_LINKS = layout.trashed(layout.layers(APP, "sha256"))
TRASHED_REVISIONS = layout.trashed(layout.revisions(APP, "sha256"))


class Listing(MemoryDriver):
    """Before a folder is listed for the first time something else happens."""

    before: tuple[str, Callable[[], object]] | None = None

    async def list(self, path: str, after: str | None = None, limit: int | None = None) -> Sequence[str]:
        if self.before is not None and self.before[0] == path:
            (_, act), self.before = self.before, None
            act()
        return await super().list(path, after, limit)


class Trashed(World):
    """A world whose untagged manifests are in the trash and about to be gone."""

    def __init__(self, push: Callable[[World], Digest]) -> None:
        super().__init__(grace=GRACE)
        self.clock.advance(1_000_000)
        self.store = self.driver = Listing(self.clock.seconds)
        self.registry = self.open()
        self.pushed = push(self)
        self.clock.advance(GRACE + 1)
        self.collect()
        self.clock.advance(TRASH + 1)

    def collect(self) -> None:
        """Once, untagged manifests included."""
        now(self.registry.collector.run(Limits(GRACE, TRASH, delete_untagged=True)))

    def read(self) -> bytes:
        """What was pushed, by its digest."""
        return now(self.registry.manifests.get(APP, self.pushed))[1].content


def _image(world: World) -> Digest:
    return world.push_image(tag=None)[0]


def _index(world: World) -> Digest:
    content = index(world.push_image(tag=None)[0])
    return now(world.registry.manifests.put(APP, Digest.of(content), content, mediatypes.OCI_INDEX)).digest


@pytest.mark.parametrize(
    "folder", [layout.layers(APP, "sha256"), TRASHED_REVISIONS, layout.BLOBS, layout.trashed(layout.BLOBS)]
)
def test_an_image_that_comes_back_during_a_collection_has_its_blobs(folder: str) -> None:
    world = Trashed(_image)
    found: list[bytes] = []
    world.store.before = (folder, lambda: _read_if_there(world, found))
    world.collect()
    for content in found:
        document = json.loads(content)
        for descriptor in (document["config"], *document["layers"]):
            assert now(world.registry.blobs.claim(APP, Digest.parse(descriptor["digest"]))) is not None
    assert bool(found) == (folder in (layout.layers(APP, "sha256"), TRASHED_REVISIONS))


def test_an_index_that_comes_back_during_a_collection_has_its_images() -> None:
    world = Trashed(_index)
    world.store.before = (layout.layers(APP, "sha256"), world.read)
    world.collect()
    (child,) = json.loads(world.read())["manifests"]
    image = now(world.registry.manifests.get(APP, Digest.parse(child["digest"])))[1].content
    for layer in json.loads(image)["layers"]:
        assert now(world.registry.blobs.claim(APP, Digest.parse(layer["digest"]))) is not None


def _read_if_there(world: Trashed, found: list[bytes]) -> None:
    try:
        found.append(world.read())
    except ManifestUnknown:
        return
