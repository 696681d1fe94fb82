"""What happens to tags and manifests that somebody else changes between two steps of a request."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from tests.registry.world import APP, LATEST, World, now
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import ManifestReferencesUnknown, ManifestUnknown
from txregistry.oci.names import RepositoryName, Tag
from txregistry.registry.locks import PATIENCE_SECONDS, RETRY_SECONDS, FolderLocks
from txregistry.storage import layout
from txregistry.storage.errors import StorageFailure
from txregistry.storage.interfaces import ILock
from txregistry.storage.memory import MemoryDriver


class Interruptible(MemoryDriver):
    """Before a change something else happens, once: before that of a path, or when so many more have been made.

    `watch` is called around every change; the deletion of a path that is `slow` waits.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.before: tuple[str, str, Callable[[], object]] | None = None
        self.after_changes: tuple[int, Callable[[], object]] | None = None
        self.watch: Callable[[], object] = int
        self.can_lock = True
        self.slow: tuple[str, Deferred[None]] | None = None

    async def write(self, path: str, content: bytes, durable: bool = True) -> None:
        self._interrupt("write", path)
        await super().write(path, content, durable)
        self.watch()

    async def delete(self, path: str, durable: bool = True) -> None:
        self._interrupt("delete", path)
        if self.slow is not None and self.slow[0] == path:
            await self.slow[1]
        await super().delete(path, durable)
        self.watch()

    async def lock(self, path: str) -> ILock:
        if not self.can_lock:
            raise StorageFailure(path, "this filesystem cannot lock")
        return await super().lock(path)

    def _interrupt(self, method: str, path: str) -> None:
        self.watch()
        if self.before is not None and self.before[:2] == (method, path):
            (_, _, act), self.before = self.before, None
            act()
        if self.after_changes is not None:
            count, act = self.after_changes
            self.after_changes = (count - 1, act) if count else None
            if count == 0:
                act()


class Interrupted(World):
    """The world and its interruptible driver; `elsewhere` is another process."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.driver = Interruptible(self.clock.seconds)
        self.registry = self.open()
        self.elsewhere = self.open()
        self.begun: list[Deferred[object]] = []

    def put(self, content: bytes, tag: Tag = LATEST) -> None:
        """Push a manifest whose blobs are there, in the other process."""
        now(self.elsewhere.manifests.put(APP, tag, content, mediatypes.OCI_MANIFEST))

    def begin_put(self, content: bytes, tag: Tag = LATEST) -> None:
        """The same where it may have to wait."""
        put = self.elsewhere.manifests.put(APP, tag, content, mediatypes.OCI_MANIFEST)
        self.begun.append(Deferred.fromCoroutine(put))

    def before(self, method: str, path: str, act: Callable[[], object]) -> None:
        """Let it happen before that call."""
        self.store.before = (method, path, act)

    def let_no_tag_dangle(self) -> None:
        """From now on whatever a power cut leaves must be in order."""

        def check() -> None:
            stored = now(self.elsewhere.tags.page(APP, None, None))[0]
            for tag in map(Tag.parse, stored):
                assert now(self.driver.stat(layout.revision_link(APP, now(self.elsewhere.tags.resolve(APP, tag)))))

        self.store.watch = check


def test_a_tag_that_is_moved_while_its_manifest_is_deleted_stays() -> None:
    """A pipeline pushes `latest` while a cleaner deletes the image that it named before."""
    world = Interrupted()
    old, _ = world.push_image(salt="old")
    new = world.image(salt="new")
    world.before("delete", layout.tag(APP, LATEST), lambda: world.begin_put(new))
    now(world.registry.manifests.delete(APP, old))
    world.clock.advance(RETRY_SECONDS)
    assert [put.called for put in world.begun] == [True]
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


@pytest.mark.parametrize(
    ("order", "moment"),
    [("a push comes into a deletion", moment) for moment in range(3)]
    + [("a deletion comes into a push", moment) for moment in range(4)],
)
def test_at_no_moment_of_a_push_and_a_deletion_does_a_tag_name_what_is_not_there(order: str, moment: int) -> None:
    world = Interrupted()
    digest, content = world.push_image()
    other = Tag("other")

    def push() -> None:
        world.begin_put(content, other)

    def delete() -> None:
        world.begun.append(Deferred.fromCoroutine(world.registry.manifests.delete(APP, digest)))

    first, second = (delete, push) if order.startswith("a push") else (push, delete)
    world.store.after_changes = (moment, second)
    world.let_no_tag_dangle()
    first()
    world.clock.pump([RETRY_SECONDS] * 5)
    world.store.watch()
    # Whoever is late may be told that it is gone, and everybody is told something.
    results: list[object] = []
    for one in world.begun:
        one.addBoth(results.append)
    assert len(results) == 2
    assert all(isinstance(one.value, ManifestUnknown) for one in results if isinstance(one, Failure))


def test_a_deletion_whose_client_goes_away_is_carried_through() -> None:
    world = Interrupted()
    digest, _ = world.push_image()
    goes_on: Deferred[None] = Deferred()
    world.store.slow = (layout.tag(APP, LATEST), goes_on)
    failures: list[Failure] = []
    deletion = Deferred.fromCoroutine(world.registry.manifests.delete(APP, digest))
    deletion.addErrback(failures.append)
    deletion.cancel()
    assert [type(failure.value) for failure in failures] == [CancelledError]
    goes_on.callback(None)
    with pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, digest))
    assert now(world.registry.tags.page(APP, None, None)) == ([], False)


def test_the_tags_of_a_manifest_do_not_wait_for_each_other_and_the_manifest_goes_last() -> None:
    world = Interrupted()
    digest, content = world.push_image()
    other = Tag("other")
    now(world.registry.manifests.put(APP, other, content, mediatypes.OCI_MANIFEST))
    goes_on: Deferred[None] = Deferred()
    world.store.slow = (layout.tag(APP, LATEST), goes_on)
    deletion = Deferred.fromCoroutine(world.registry.manifests.delete(APP, digest))
    assert now(world.registry.tags.page(APP, None, None)) == ([str(LATEST)], False)
    assert now(world.registry.manifests.get(APP, LATEST))[0] == digest
    goes_on.callback(None)
    assert deletion.called
    assert now(world.registry.tags.page(APP, None, None)) == ([], False)


def test_a_push_waits_for_the_deletion_of_its_manifest_and_stores_it_again() -> None:
    world = Interrupted()
    digest, content = world.push_image(tag=None)
    world.before("delete", layout.revision(APP, digest), lambda: world.begin_put(content))
    now(world.registry.manifests.delete(APP, digest))
    world.clock.advance(RETRY_SECONDS)
    assert [put.called for put in world.begun] == [True]
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == content


def test_where_the_store_cannot_lock_a_tag_that_is_set_while_its_manifest_is_deleted_goes_with_it() -> None:
    world = Interrupted()
    digest, content = world.push_image(tag=None)
    world.store.can_lock = False
    world.before("delete", layout.revision(APP, digest), lambda: world.put(content))
    now(world.registry.manifests.delete(APP, digest))
    assert now(world.registry.tags.page(APP, None, None)) == ([], False)


def test_a_refused_push_takes_nothing_from_who_pushed_the_same_before() -> None:
    """A blob is deleted between two pushes of one manifest: the later is refused, the tag of the earlier stays."""
    world = Interrupted()
    content = world.image()
    digest = Digest.of(content)
    (layer,) = (Digest.parse(one["digest"]) for one in json.loads(content)["layers"])

    def push_and_delete_a_layer() -> None:
        world.put(content)
        now(world.elsewhere.blobs.delete(APP, layer))

    world.before("write", layout.revision_link(APP, digest), push_and_delete_a_layer)
    with pytest.raises(ManifestReferencesUnknown):
        now(world.registry.manifests.put(APP, Tag("other"), content, mediatypes.OCI_MANIFEST))
    assert now(world.registry.tags.page(APP, None, None)) == (["latest"], False)
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == content


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
        async with FolderLocks(world.driver, world.clock).hold(layout.tag(APP, LATEST)):
            entered.append(True)

    Deferred.fromCoroutine(enter())
    world.clock.pump([RETRY_SECONDS] * int(PATIENCE_SECONDS / RETRY_SECONDS))
    world.clock.advance(1)
    assert entered == [True]


def test_who_waits_for_a_tag_in_one_process_is_served_in_order() -> None:
    world = World()
    world.push_image()
    locks, order = FolderLocks(world.driver, world.clock), list[int]()
    gate: Deferred[None] = Deferred()

    async def enter(number: int) -> None:
        async with locks.hold(layout.tag(APP, LATEST)):
            order.append(number)
            if number == 0:
                await gate

    for number in range(3):
        Deferred.fromCoroutine(enter(number))
    assert order == [0]
    gate.callback(None)
    assert order == [0, 1, 2]
    assert world.driver.open == []
