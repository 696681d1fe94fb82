"""With verified reads nobody gets the whole of something damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.logger import LogEvent, capturedLogs
from zope.interface import implementer

from tests.registry.world import APP, LATEST, World, now
from txregistry.concurrency.workers import InlineWorkers
from txregistry.oci.digest import Digest
from txregistry.oci.errors import BlobUnknown, ManifestUnknown
from txregistry.registry.registry import Registry
from txregistry.registry.verified import PIECE, ContentDamaged
from txregistry.storage import layout
from txregistry.storage.interfaces import IFileBacked, IReader

SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17]
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "first bit": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "last bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "cut short": lambda content: content[:-1],
    "longer": lambda content: content + b"x",
}


@implementer(IConsumer)
class Client:
    """Takes bytes; with `narrow` it wants a pause after each piece, until the test lets it go on."""

    def __init__(self, narrow: bool = False) -> None:
        self.received = b""
        self.producer: IPushProducer | None = None
        self._narrow = narrow

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """See `IConsumer`."""
        assert streaming
        assert IPushProducer.providedBy(producer)
        self.producer = producer

    def unregisterProducer(self) -> None:
        """See `IConsumer`."""
        self.producer = None

    def write(self, data: bytes) -> None:
        """See `IConsumer`."""
        self.received += data
        if self._narrow and self.producer is not None:
            self.producer.pauseProducing()


class Verified(World):
    """A world in which reads are verified."""

    def open(self, boot: str = "boot-1") -> Registry:
        """See `World`."""
        return Registry.over(
            self.driver, InlineWorkers(), self.clock, self.validation, boot, self.grace, self.clock.seconds, True
        )

    def read(self, digest: Digest, first: int = 0, last: int | None = None) -> IReader:
        """A reader of the blob."""
        return now(self.registry.blobs.open(APP, digest, first, last))

    def change(self, digest: Digest, damage: Callable[[bytes], bytes]) -> None:
        """Other bytes stand there now."""
        path = layout.blob_data(digest)
        now(self.driver.write(path, damage(now(self.driver.read(path)).data)))


def content_of(size: int) -> bytes:
    return bytes(number * 7 % 251 for number in range(size))


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_whole_is_read_as_it_is(size: int, narrow: bool) -> None:
    world = Verified()
    content = content_of(size)
    digest = world.push_blob(content)
    client, reader = Client(narrow), world.read(digest)
    assert reader.length == reader.total == size
    done = reader.start(client)
    while client.producer is not None:
        client.producer.resumeProducing()
    now(done)
    assert client.received == content
    reader.close()
    assert world.driver.open == []


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("size", SIZES[2:])
def test_of_what_is_damaged_the_last_bytes_never_come(size: int, damage: str) -> None:
    world = Verified()
    digest = world.push_blob(content_of(size))
    world.change(digest, DAMAGES[damage])
    client, reader = Client(), world.read(digest)
    with capturedLogs() as logs, pytest.raises(ContentDamaged):
        now(reader.start(client))
    assert len(client.received) < reader.length
    assert client.producer is None
    assert [event["digest"] for event in damages(logs)] == [digest]
    reader.close()
    assert world.driver.open == []


def test_what_has_lost_all_its_bytes_is_unknown() -> None:
    """An answer without bytes cannot be broken off."""
    world = Verified()
    digest = world.push_blob(b"x")
    world.change(digest, DAMAGES["cut short"])
    with pytest.raises(BlobUnknown):
        world.read(digest)
    assert world.driver.open == []


def test_all_but_a_piece_is_sent_before_the_end_is_known() -> None:
    """A large blob is not read twice, nor kept in memory."""
    world = Verified()
    digest = world.push_blob(content_of(3 * PIECE))
    client, reader = Client(narrow=True), world.read(digest)
    done = reader.start(client)
    assert len(client.received) == PIECE
    reader.close()
    with pytest.raises(CancelledError):
        now(done)
    assert client.producer is None


def test_a_reader_that_its_consumer_stops_fails_as_cancelled() -> None:
    world = Verified()
    digest = world.push_blob(content_of(3 * PIECE))
    client, reader = Client(narrow=True), world.read(digest)
    done = reader.start(client)
    assert client.producer is not None
    client.producer.stopProducing()
    with pytest.raises(CancelledError):
        now(done)
    reader.close()
    assert world.driver.open == []


def test_a_cancelled_reading_lets_go_of_everything() -> None:
    world = Verified()
    digest = world.push_blob(content_of(3 * PIECE))
    client, reader = Client(narrow=True), world.read(digest)
    done: Deferred[None] = reader.start(client)
    done.cancel()
    with pytest.raises(CancelledError):
        now(done)
    reader.close()
    reader.close()
    assert world.driver.open == []


def test_a_range_is_served_of_what_is_whole() -> None:
    world = Verified()
    content = content_of(1000)
    digest = world.push_blob(content)
    for _ in range(2):
        client, reader = Client(), world.read(digest, 10, 19)
        now(reader.start(client))
        assert client.received == content[10:20]
        reader.close()
    assert world.driver.open == []


def test_a_range_of_what_is_damaged_is_unknown_although_the_range_itself_is_good() -> None:
    world = Verified()
    digest = world.push_blob(content_of(1000))
    world.change(digest, DAMAGES["last bit"])
    with capturedLogs() as logs, pytest.raises(BlobUnknown):
        world.read(digest, 0, 9)
    assert len(damages(logs)) == 1
    assert world.driver.open == []


def test_many_ranges_cost_one_reading_of_the_whole_until_the_file_changes() -> None:
    world = Verified()
    digest = world.push_blob(content_of(1000))
    hashed: list[str] = []
    hash_file = world.driver.hash

    async def counting(path: str, algorithm: str) -> object:
        hashed.append(path)
        return await hash_file(path, algorithm)

    world.driver.hash = counting  # type: ignore[method-assign, assignment]  # to see how often it is called
    for _ in range(3):
        world.read(digest, 0, 9).close()
    assert len(hashed) == 1
    world.change(digest, DAMAGES["first bit"])
    with pytest.raises(BlobUnknown):
        world.read(digest, 0, 9)
    assert len(hashed) == 2


def test_nothing_is_sent_from_a_descriptor() -> None:
    world = Verified()
    digest = world.push_blob(content_of(1000))
    for reader in (world.read(digest), world.read(digest, 0, 9)):
        assert IFileBacked(reader, None) is None
        reader.close()


def test_a_damaged_manifest_is_unknown_until_it_is_pushed_again() -> None:
    world = Verified()
    digest, content = world.push_image()
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == content
    world.change(digest, lambda content: content.replace(b"sha256:", b"sha256;", 1))
    with capturedLogs() as logs, pytest.raises(ManifestUnknown):
        now(world.registry.manifests.get(APP, LATEST))
    assert len(damages(logs)) == 1
    world.push_image()
    assert now(world.registry.manifests.get(APP, LATEST))[1].content == content


def damages(logs: Sequence[LogEvent]) -> list[LogEvent]:
    return [event for event in logs if event["log_format"] == "damaged content not served"]
