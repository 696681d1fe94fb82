"""Upload sessions: offsets, order, digests, restarts, and who may write."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.registry.world import APP, OTHER, Bytes, ConnectionLost, Trickle, World, now
from txregistry.oci.digest import Digest
from txregistry.oci.errors import BlobUnknown, DigestInvalid, UploadBusy, UploadOutOfOrder, UploadUnknown
from txregistry.oci.names import UploadId
from txregistry.storage import layout


def test_what_was_sent_in_chunks_becomes_a_blob_of_the_repository() -> None:
    world = World()
    uploads = world.registry.uploads
    upload = now(uploads.start(APP))
    assert now(uploads.append(APP, upload, Bytes(b"hello "), 0)) == 6
    assert now(uploads.append(APP, upload, Bytes(b"wor"), 6)) == 9
    digest = Digest.of(b"hello world")
    now(uploads.finish(APP, upload, Bytes(b"ld"), 9, digest))
    assert now(world.registry.blobs.size(APP, digest)) == 11
    with pytest.raises(UploadUnknown):
        now(uploads.offset(APP, upload))


def test_a_finished_upload_leaves_nothing_of_its_session_behind() -> None:
    world = World()
    world.push_blob(b"content")
    assert now(world.driver.list(layout.uploads(APP))) == []


def test_a_chunk_out_of_order_is_refused_with_the_offset_and_the_session_lives_on() -> None:
    """distribution-spec, Pushing a blob in chunks: "If a chunk is uploaded out of order, the registry MUST respond with
    a 416"."""
    world = World()
    uploads = world.registry.uploads
    upload = now(uploads.start(APP))
    now(uploads.append(APP, upload, Bytes(b"12345"), 0))
    with pytest.raises(UploadOutOfOrder) as refusal:
        now(uploads.append(APP, upload, Bytes(b"x"), 7))
    assert refusal.value.offset == 5
    now(uploads.finish(APP, upload, Bytes(b""), None, Digest.of(b"12345")))


def test_a_wrong_digest_is_refused_and_the_session_can_still_be_finished() -> None:
    world = World()
    uploads = world.registry.uploads
    upload = now(uploads.start(APP))
    with pytest.raises(DigestInvalid):
        now(uploads.finish(APP, upload, Bytes(b"right"), None, Digest.of(b"wrong")))
    assert now(uploads.offset(APP, upload)) == 5
    with pytest.raises(BlobUnknown):
        now(world.registry.blobs.size(APP, Digest.of(b"right")))
    now(uploads.finish(APP, upload, Bytes(b""), None, Digest.of(b"right")))
    assert now(world.registry.blobs.size(APP, Digest.of(b"right"))) == 5


def test_bytes_that_came_before_the_client_left_are_kept() -> None:
    world = World()
    uploads = world.registry.uploads
    upload = now(uploads.start(APP))
    with pytest.raises(ConnectionLost):
        now(uploads.append(APP, upload, Bytes(b"0123456789", cut=4), None))
    assert now(uploads.offset(APP, upload)) == 4
    now(uploads.finish(APP, upload, Bytes(b"456789"), 4, Digest.of(b"0123456789")))


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_upload_goes_on_in_another_process(algorithm: str) -> None:
    world = World()
    upload = now(world.registry.uploads.start(APP))
    now(world.registry.uploads.append(APP, upload, Bytes(b"first "), None))
    other = world.open()
    assert now(other.uploads.append(APP, upload, Bytes(b"second"), 6)) == 12
    digest = Digest.of(b"first second", algorithm)
    now(world.registry.uploads.finish(APP, upload, Bytes(b""), None, digest))
    assert now(other.blobs.size(APP, digest)) == 12


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests are noted however few bytes they are of."""
    monkeypatch.setattr("txregistry.registry.progress._NOTED_FROM", 1)


@pytest.mark.usefixtures("noted")
def test_a_noted_digest_saves_another_process_the_reading() -> None:
    world = World()
    upload = now(world.registry.uploads.start(APP))
    now(world.registry.uploads.append(APP, upload, Bytes(b"content"), None))
    # Nobody changes the bytes beside a note in the boot that wrote it; here it shows that they are not read.
    now(world.driver.write(layout.upload_data(APP, upload), b"CONTENT"))
    now(world.open().uploads.finish(APP, upload, Bytes(b""), None, Digest.of(b"content")))


@pytest.mark.usefixtures("noted")
def test_a_noted_digest_of_another_boot_is_not_believed() -> None:
    world = World()
    upload = now(world.registry.uploads.start(APP))
    now(world.registry.uploads.append(APP, upload, Bytes(b"before"), None))
    # A power cut: the note survived, the bytes are others of the same length.
    now(world.driver.write(layout.upload_data(APP, upload), b"broken"))
    after = world.open("boot-2")
    with pytest.raises(DigestInvalid):
        now(after.uploads.finish(APP, upload, Bytes(b""), None, Digest.of(b"before")))
    now(after.uploads.finish(APP, upload, Bytes(b""), None, Digest.of(b"broken")))


@pytest.mark.usefixtures("noted")
def test_an_algorithm_that_is_told_at_the_start_is_used_while_the_bytes_come() -> None:
    """distribution-spec: "the `digest-algorithm` query parameter … SHOULD be provided when the digest algorithm is not
    sha256"."""
    world = World()
    upload = now(world.registry.uploads.start(APP, "sha512"))
    now(world.registry.uploads.append(APP, upload, Bytes(b"content"), None))
    noted = now(world.driver.read(layout.upload_digest(APP, upload))).data.decode()
    assert Digest.of(b"content", "sha512").hex in noted
    now(world.registry.uploads.finish(APP, upload, Bytes(b""), None, Digest.of(b"content", "sha512")))


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(DigestInvalid):
        now(World().registry.uploads.start(APP, "md5"))


def test_an_empty_upload_becomes_the_empty_blob() -> None:
    world = World()
    upload = now(world.registry.uploads.start(APP))
    now(world.registry.uploads.finish(APP, upload, Bytes(b""), None, Digest.of(b"")))
    assert now(world.registry.blobs.size(APP, Digest.of(b""))) == 0


def test_a_session_belongs_to_its_repository() -> None:
    """CVE-2026-32589: the upload sessions of others could be read, changed and cancelled."""
    world = World()
    uploads = world.registry.uploads
    upload = now(uploads.start(APP))
    with pytest.raises(UploadUnknown):
        now(uploads.offset(OTHER, upload))
    with pytest.raises(UploadUnknown):
        now(uploads.append(OTHER, upload, Bytes(b"x"), None))
    with pytest.raises(UploadUnknown):
        now(uploads.finish(OTHER, upload, Bytes(b""), None, Digest.of(b"")))
    with pytest.raises(UploadUnknown):
        now(uploads.cancel(OTHER, upload))
    assert now(uploads.offset(APP, upload)) == 0


def test_a_cancelled_session_is_gone_with_its_bytes() -> None:
    world = World()
    uploads = world.registry.uploads
    upload = now(uploads.start(APP))
    now(uploads.append(APP, upload, Bytes(b"x"), None))
    now(uploads.cancel(APP, upload))
    with pytest.raises(UploadUnknown):
        now(uploads.append(APP, upload, Bytes(b"x"), None))
    with pytest.raises(UploadUnknown):
        now(uploads.cancel(APP, upload))


def test_an_upload_goes_on_after_its_process_died_as_it_was_being_finished() -> None:
    world = World()
    uploads = world.registry.uploads
    upload = now(uploads.start(APP))
    now(uploads.append(APP, upload, Bytes(b"12345"), 0))
    now(world.driver.delete(layout.upload_started(APP, upload)))
    assert now(uploads.offset(APP, upload)) == 5
    now(uploads.finish(APP, upload, Bytes(b"6"), 5, Digest.of(b"123456")))
    assert now(world.registry.blobs.size(APP, Digest.of(b"123456"))) == 6


def test_an_id_that_was_never_given_is_unknown() -> None:
    with pytest.raises(UploadUnknown):
        now(World().registry.uploads.append(APP, UploadId.new(), Bytes(b"x"), None))


def _receiving(world: World, upload: UploadId) -> tuple[Trickle, Deferred[int]]:
    source = Trickle()
    return source, Deferred.fromCoroutine(world.registry.uploads.append(APP, upload, source, None))


def test_a_second_writer_is_refused_after_five_seconds_while_the_first_is_alive() -> None:
    world = World()
    upload = now(world.registry.uploads.start(APP))
    source, first = _receiving(world, upload)
    second = Deferred.fromCoroutine(world.open().uploads.append(APP, upload, Bytes(b"x"), 0))
    refused: list[object] = []
    second.addErrback(refused.append)
    for _ in range(60):
        source.give(b"y")
        world.clock.advance(0.1)
    assert getattr(refused[0], "type", None) is UploadBusy
    source.end()
    assert now(first) == 60


def test_a_second_writer_gets_the_session_of_one_that_is_silent() -> None:
    """The half-dead first request: its client has come back on a new connection."""
    world = World()
    upload = now(world.registry.uploads.start(APP))
    source, first = _receiving(world, upload)
    source.give(b"came ")
    world.clock.advance(1)
    second = Deferred.fromCoroutine(world.open().uploads.append(APP, upload, Bytes(b"through"), 5))
    outcome: list[object] = []
    first.addErrback(outcome.append)
    for _ in range(50):
        world.clock.advance(0.1)
    assert getattr(outcome[0], "type", None) is UploadBusy
    assert now(second) == 12


def test_nobody_loses_a_session_to_silence_alone() -> None:
    world = World()
    upload = now(world.registry.uploads.start(APP))
    source, first = _receiving(world, upload)
    for _ in range(600):
        world.clock.advance(1)
    source.give(b"late")
    source.end()
    assert now(first) == 4


def test_cancelling_the_waiting_request_keeps_what_came_and_frees_the_session() -> None:
    world = World()
    upload = now(world.registry.uploads.start(APP))
    source, first = _receiving(world, upload)
    source.give(b"half")
    first.addErrback(lambda failure: None)
    first.cancel()
    assert now(world.registry.uploads.offset(APP, upload)) == 4
    assert now(world.registry.uploads.append(APP, upload, Bytes(b" more"), 4)) == 9
    assert world.clock.getDelayedCalls() == []
