"""What happens to tags and manifests that somebody else changes between two steps of a request."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from tests.registry.world import APP, LATEST, World, now
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.taglocks import PATIENCE_SECONDS, RETRY_SECONDS, TagLocks
from txregistry.storage import layout
from txregistry.storage.memory import MemoryDriver


class Interruptible(MemoryDriver):
    """Before the next write or deletion of a path something else happens, once."""

    before: tuple[str, str, Callable[[], object]] | None = None

    async def write(self, path: str, content: bytes, durable: bool = True) -> None:
        self._interrupt("write", path)
        await super().write(path, content, durable)

    async def delete(self, path: str, durable: bool = True) -> None:
        self._interrupt("delete", path)
        await super().delete(path, durable)

    def _interrupt(self, method: str, path: str) -> None:
        if self.before is not None and self.before[:2] == (method, path):
            (_, _, act), self.before = self.before, None
            act()


class Interrupted(World):
    """The world and its interruptible driver; `elsewhere` is another process."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.driver = Interruptible(self.clock.seconds)
        self.registry = self.open()
        self.elsewhere = self.open()

    def put(self, content: bytes, tag: Tag = LATEST) -> None:
        """Push a manifest whose blobs are there, in the other process."""
        now(self.elsewhere.manifests.put(APP, tag, content, mediatypes.OCI_MANIFEST))

    def before(self, method: str, path: str, act: Callable[[], object]) -> None:
        """Let it happen before that call."""
        self.store.before = (method, path, act)


def test_a_tag_that_is_moved_while_its_manifest_is_deleted_stays() -> None:
    """A pipeline pushes `latest` while a cleaner deletes the image that it named before."""
    world = Interrupted()
    old, _ = world.push_image(salt="old")
    new = world.image(salt="new")
    pushes: list[Deferred[object]] = []

    def push() -> None:
        put = world.elsewhere.manifests.put(APP, LATEST, new, mediatypes.OCI_MANIFEST)
        pushes.append(Deferred.fromCoroutine(put))

    world.before("delete", layout.tag(APP, LATEST), push)
    now(world.registry.manifests.delete(APP, old))
    world.clock.advance(RETRY_SECONDS)
    assert pushes[0].called
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == new


def test_a_manifest_that_is_deleted_while_its_tag_is_set_is_stored_again() -> None:
    world = Interrupted()
    content = world.image()
    digest = Digest.of(content)
    world.before(
        "write", layout.tag_history(APP, LATEST, digest), lambda: now(world.elsewhere.manifests.delete(APP, digest))
    )
    now(world.registry.manifests.put(APP, LATEST, content, mediatypes.OCI_MANIFEST))
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == content


def test_a_tag_that_is_set_while_its_manifest_is_deleted_goes_with_it() -> None:
    world = Interrupted()
    digest, content = world.push_image(tag=None)
    world.before("delete", layout.revision(APP, digest), lambda: world.put(content))
    now(world.registry.manifests.delete(APP, digest))
    assert now(world.registry.tags.page(APP, None, None)) == ([], False)


def test_a_tag_that_moves_while_it_is_read_is_read_again() -> None:
    world = Interrupted()
    old, _ = world.push_image(salt="old")
    new = world.image(salt="new")
    resolve = world.registry.tags.resolve
    moved: list[Digest] = []

    async def resolve_and_be_late(name: RepositoryName, tag: Tag) -> Digest:
        found = await resolve(name, tag)
        if not moved:
            moved.append(found)
            world.put(new)
            await world.elsewhere.manifests.delete(APP, old)
        return found

    world.registry.tags.resolve = resolve_and_be_late  # type: ignore[method-assign]  # the moment between two steps
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == new
    assert moved == [old]


def test_a_tag_is_waited_for_while_another_process_holds_it() -> None:
    world = World()
    digest, _ = world.push_image()
    lock = now(world.driver.lock(layout.tag(APP, LATEST)))
    deletion = Deferred.fromCoroutine(world.registry.tags.delete(APP, LATEST))
    world.clock.advance(RETRY_SECONDS)
    assert not deletion.called
    lock.release()
    world.clock.advance(RETRY_SECONDS)
    assert deletion.called
    assert now(world.registry.manifests.get(APP, digest))


def test_a_process_that_holds_a_tag_for_ever_is_passed_by() -> None:
    world = World()
    world.push_image()
    now(world.driver.lock(layout.tag(APP, LATEST)))
    entered: list[bool] = []

    async def enter() -> None:
        async with TagLocks(world.driver, world.clock).hold(APP, LATEST):
            entered.append(True)

    Deferred.fromCoroutine(enter())
    world.clock.pump([RETRY_SECONDS] * int(PATIENCE_SECONDS / RETRY_SECONDS))
    world.clock.advance(1)
    assert entered == [True]


def test_who_waits_for_a_tag_in_one_process_is_served_in_order() -> None:
    world = World()
    world.push_image()
    locks, order = TagLocks(world.driver, world.clock), list[int]()
    gate: Deferred[None] = Deferred()

    async def enter(number: int) -> None:
        async with locks.hold(APP, LATEST):
            order.append(number)
            if number == 0:
                await gate

    for number in range(3):
        Deferred.fromCoroutine(enter(number))
    assert order == [0]
    gate.callback(None)
    assert order == [0, 1, 2]
    assert world.driver.open == []
