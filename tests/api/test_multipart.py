"""Several ranges of a blob in one answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IPushProducer

from tests.api.client import Client
from tests.registry.world import World
from tests.storage.filesystem.support import LOCAL, HeldWorkers
from txregistry.api.multipart import Multipart
from txregistry.concurrency.turns import Turns
from txregistry.concurrency.workers import InlineWorkers
from txregistry.oci.ranges import ByteRange
from txregistry.registry.registry import Registry
from txregistry.storage.filesystem.driver import FilesystemDriver
from txregistry.storage.interfaces import IFileBacked
from txregistry.testing.results import result_of
from txregistry.testing.streams import Collector

CONTENT = os.urandom(1_000_000)
ALL = "bytes=0-0,700000-999999,5-4,10-19"
PARTS = [(0, 0), (700_000, 999_999), (10, 19)]


class OnDisk(World):
    """With its store in a folder."""

    def __init__(self, folder: Path, verify_reads: bool = False) -> None:
        self._folder = folder
        self._verify_reads = verify_reads
        super().__init__()

    def open(self, boot: str = "boot-1") -> Registry:
        """See `World`."""
        driver = FilesystemDriver(str(self._folder), InlineWorkers())
        return Registry.over(
            driver, InlineWorkers(), self.clock, self.validation, boot, self.grace, verify_reads=self._verify_reads
        )


def split(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    """Content-Range and bytes of each part."""
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=HTTP)
    assert message.get_content_type() == "multipart/byteranges"
    found = []
    for part in message.iter_parts():
        assert part["Content-Type"] == "application/octet-stream"
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        found.append((str(part["Content-Range"]), payload))
    return found


def expected(parts: Sequence[tuple[int, int]]) -> list[tuple[str, bytes]]:
    return [(f"bytes {first}-{last}/{len(CONTENT)}", CONTENT[first : last + 1]) for first, last in parts]


def test_several_ranges_come_in_one_answer_in_their_order(tmp_path: Path) -> None:
    client = Client(OnDisk(tmp_path))
    digest = client.world.push_blob(CONTENT)
    answer = client("GET", f"/v2/library/app/blobs/{digest}", range=ALL)
    assert (answer.status, answer.headers["docker-content-digest"]) == (206, str(digest))
    assert "content-range" not in answer.headers
    assert split(answer.headers["content-type"], answer.body) == expected(PARTS)


def test_of_several_ranges_one_that_is_left_is_answered_as_if_it_were_alone(tmp_path: Path) -> None:
    client = Client(OnDisk(tmp_path))
    digest = client.world.push_blob(CONTENT)
    answer = client("GET", f"/v2/library/app/blobs/{digest}", range="bytes=2000000-,3-4")
    assert (answer.status, answer.body) == (206, CONTENT[3:5])
    assert answer.headers["content-range"] == f"bytes 3-4/{len(CONTENT)}"


@pytest.mark.parametrize("kind", ["verified", "in memory"])
def test_what_can_only_be_read_from_end_to_end_is_given_whole(tmp_path: Path, kind: str) -> None:
    client = Client(OnDisk(tmp_path, verify_reads=True) if kind == "verified" else World())
    digest = client.world.push_blob(CONTENT)
    answer = client("GET", f"/v2/library/app/blobs/{digest}", range=ALL)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/octet-stream"


class Sent:
    """The body, from a file of which nothing is in memory, to a consumer that reacts."""

    def __init__(self, folder: Path, react: Callable[[IPushProducer], None] | None = None) -> None:
        self.workers = HeldWorkers()
        self.path = folder / "file"
        self.path.write_bytes(CONTENT)
        driver = FilesystemDriver(str(folder), self.workers, traits=evolve(LOCAL, no_wait=False))
        reader = result_of(driver.open_reader("file"))
        file = IFileBacked(reader)
        self.descriptor = file.fileno()
        self.body = Multipart(reader, file, [ByteRange(*part) for part in PARTS], Turns(None))
        self.collector = Collector(react)
        self.result = self.body.start(self.collector)

    def work(self) -> None:
        """The disk gives all that is waited for."""
        while self.workers.waiting:
            self.workers.work()

    @property
    def is_open(self) -> bool:
        return os.path.exists(f"/proc/self/fd/{self.descriptor}")


def test_nothing_is_written_while_the_consumer_is_full(tmp_path: Path) -> None:
    sent = Sent(tmp_path, lambda producer: producer.pauseProducing())
    sent.work()
    (first,) = sent.collector.pieces
    assert not sent.result.called
    sent.body.resumeProducing()
    sent.work()
    sent.body.resumeProducing()
    result_of(sent.result)
    sent.body.close()
    assert len(sent.collector.content) == sent.body.length > len(first)
    assert split(sent.body.content_type.decode(), sent.collector.content) == expected(PARTS)
    assert not sent.is_open


@pytest.mark.parametrize("when", ["reading", "writing", "full"])
def test_a_client_that_leaves_ends_it_and_the_file_is_closed_behind_the_last_reading(tmp_path: Path, when: str) -> None:
    reactions: dict[str, Callable[[IPushProducer], None]] = {
        "reading": lambda producer: None,
        "writing": lambda producer: producer.stopProducing(),
        "full": lambda producer: producer.pauseProducing(),
    }
    sent = Sent(tmp_path, reactions[when])
    if when != "reading":
        sent.work()
    sent.body.stopProducing()
    with pytest.raises(CancelledError):
        result_of(sent.result)
    written = len(sent.collector.content)
    sent.body.close()
    assert sent.is_open == (when == "reading")
    sent.work()
    assert not sent.is_open
    assert len(sent.collector.content) == written


def test_a_file_that_has_become_shorter_ends_short_of_its_length(tmp_path: Path) -> None:
    sent = Sent(tmp_path)
    sent.path.write_bytes(CONTENT[:5])
    sent.work()
    result_of(sent.result)
    sent.body.close()
    assert len(sent.collector.content) < sent.body.length


def test_a_blob_that_is_deleted_meanwhile_is_given_to_its_end(tmp_path: Path) -> None:
    sent = Sent(tmp_path)
    sent.path.unlink()
    sent.work()
    result_of(sent.result)
    sent.body.close()
    assert split(sent.body.content_type.decode(), sent.collector.content) == expected(PARTS)
