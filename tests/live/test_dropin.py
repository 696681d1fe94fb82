"""A folder moves from registry:2 or registry:3 to txregistry and back, with everything in it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.live.support.client import INDEX, Client, artifact_manifest, digest_of, location, with_query
from tests.live.support.images import Image, make_image, make_index
from tests.live.support.server import Server

pytestmark = [pytest.mark.live, pytest.mark.parametrize("peer", ["registry2", "registry3"])]

# Where the order of a catalog is a question: '-' sorts before '/' among characters, behind it among path components.
NAMES = ("a", "a-b", "a/b", "library/app", "team.one/deep/er/app", "z__z")


class Content:
    """Images, an index and an old-fashioned Docker image, for every name."""

    def __init__(self, seed: int) -> None:
        self.images = [make_image(seed, architecture=architecture) for architecture in ("amd64", "arm64")]
        self.docker = make_image(seed + 1000, docker=True)
        self.index = make_index(self.images)
        self.tags = [f"docker-{seed}", f"index-{seed}", f"single-{seed}"]
        self._seed = seed

    @property
    def _all(self) -> list[Image]:
        return [*self.images, self.docker]

    def push(self, client: Client, name: str) -> None:
        for image in self.images:
            image.push(client, name, image.digest)
        self.docker.push(client, name, f"docker-{self._seed}")
        client.push_manifest(name, f"single-{self._seed}", self.images[0].manifest)
        client.push_manifest(name, f"index-{self._seed}", self.index, INDEX)

    def assert_served(self, client: Client, name: str) -> None:
        assert client.manifest(name, f"index-{self._seed}").body == self.index
        assert client.manifest(name, f"single-{self._seed}").body == self.images[0].manifest
        self.docker.assert_served(client, name, f"docker-{self._seed}")
        for image in self._all:
            image.assert_served(client, name, image.digest)


def _files(data: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(data)): file.read_bytes()
        for file in data.rglob("*")
        # Sessions are no content, and what begins with an underscore at these places is ours alone.
        if file.is_file() and not {"_uploads", "_referrers", "_txregistry"} & set(file.parts)
    }


@pytest.mark.parametrize("writer", ["peer", "txregistry"])
def test_each_serves_and_extends_what_the_other_wrote(peer: str, writer: str, tmp_path: Path) -> None:
    order = [peer, "txregistry", peer] if writer == "peer" else ["txregistry", peer, "txregistry"]
    pushed: list[Content] = []
    for turn, kind in enumerate(order):
        with Server(kind, tmp_path / str(turn), data=tmp_path / "data") as server, server.client() as client:
            for earlier in pushed:
                for name in NAMES:
                    earlier.assert_served(client, name)
            content = Content(turn)
            for name in NAMES:
                content.push(client, name)
            pushed.append(content)
            for name in NAMES:
                assert sorted(client.tags(name)) == sorted(tag for content in pushed for tag in content.tags)
            assert sorted(client.catalog()) == sorted(NAMES)


def test_serving_changes_nothing_in_a_folder(peer: str, tmp_path: Path) -> None:
    content = Content(1)
    with Server(peer, tmp_path / "first", data=tmp_path / "data") as server, server.client() as client:
        for name in NAMES:
            content.push(client, name)
    before = _files(tmp_path / "data")
    with Server("txregistry", tmp_path / "second", data=tmp_path / "data") as server, server.client() as client:
        for name in NAMES:
            content.assert_served(client, name)
            assert client.tags(name) == sorted(content.tags)
    assert _files(tmp_path / "data") == before


def test_both_write_the_same_files(peer: str, tmp_path: Path) -> None:
    written = []
    for kind in (peer, "txregistry"):
        with Server(kind, tmp_path / kind) as server, server.client() as client:
            for name in NAMES:
                Content(1).push(client, name)
        written.append(_files(server.data))
    theirs, ours = written
    assert ours.keys() == theirs.keys()
    assert ours == theirs


def test_the_catalog_keeps_its_order(peer: str, tmp_path: Path) -> None:
    catalogs = []
    with Server(peer, tmp_path / "first", data=tmp_path / "data") as server, server.client() as client:
        for name in NAMES:
            make_image(1).push(client, name, "1")
        catalogs.append(client.catalog())
    with Server("txregistry", tmp_path / "second", data=tmp_path / "data") as server, server.client() as client:
        catalogs.append(client.catalog())
        paged: list[str] = []
        while (page := client.catalog_page(2, paged[-1] if paged else None)) != []:
            paged += page
        catalogs.append(paged)
    assert catalogs[1] == catalogs[0]
    assert catalogs[2] == catalogs[0]


def test_an_empty_link_counts_as_absent(peer: str, tmp_path: Path) -> None:
    image, other = make_image(1), make_image(2)
    with Server(peer, tmp_path / "first", data=tmp_path / "data") as server, server.client() as client:
        image.push(client, "a", "whole")
        other.push(client, "a", "broken")
    repository = tmp_path / "data/docker/registry/v2/repositories/a"
    # What a crash of registry:2 leaves, which writes links in place.
    (repository / "_manifests/tags/broken/current/link").write_bytes(b"")
    (repository / f"_layers/sha256/{hashlib.sha256(other.layers[0]).hexdigest()}/link").write_bytes(b"")
    with Server("txregistry", tmp_path / "second", data=tmp_path / "data") as server, server.client() as client:
        assert client.request("GET", "/v2/a/manifests/broken").codes == ["MANIFEST_UNKNOWN"]
        assert client.request("GET", f"/v2/a/blobs/{digest_of(other.layers[0])}").codes == ["BLOB_UNKNOWN"]
        image.assert_served(client, "a", "whole")
        other.push(client, "a", "broken")
        other.assert_served(client, "a", "broken")


def test_a_blob_pushed_by_sha512_is_served_by_both(peer: str, tmp_path: Path) -> None:
    theirs, ours = b"pushed to the peer" * 1000, b"pushed to txregistry" * 1000
    with Server(peer, tmp_path / "first", data=tmp_path / "data") as server, server.client() as client:
        client.push_blob("a", theirs, "sha512")
        served_by_peer = client.blob("a", digest_of(theirs, "sha512"))
        assert served_by_peer == theirs
    with Server("txregistry", tmp_path / "second", data=tmp_path / "data") as server, server.client() as client:
        answer = client.request("GET", f"/v2/a/blobs/{digest_of(theirs, 'sha512')}", expect=200)
        assert answer.body == theirs
        assert answer.headers["Docker-Content-Digest"] == digest_of(theirs, "sha512")
        client.push_blob("a", ours, "sha512")
        assert client.blob("a", digest_of(ours, "sha512")) == ours
    with Server(peer, tmp_path / "third", data=tmp_path / "data") as server, server.client() as client:
        assert client.blob("a", digest_of(theirs, "sha512")) == theirs
        assert client.blob("a", digest_of(ours, "sha512")) == ours


def test_deletion_is_seen_by_the_other(peer: str, tmp_path: Path) -> None:
    image, kept = make_image(1), make_image(2)
    with Server(peer, tmp_path / "first", data=tmp_path / "data") as server, server.client() as client:
        image.push(client, "a", "1")
        kept.push(client, "a", "2")
    with Server("txregistry", tmp_path / "second", data=tmp_path / "data") as server, server.client() as client:
        client.request("DELETE", f"/v2/a/manifests/{image.digest}", expect=202)
        client.request("DELETE", f"/v2/a/blobs/{digest_of(image.layers[0])}", expect=202)
    with Server(peer, tmp_path / "third", data=tmp_path / "data") as server, server.client() as client:
        assert client.request("GET", f"/v2/a/manifests/{image.digest}").status == 404
        assert client.request("GET", "/v2/a/manifests/1").status == 404
        assert client.request("GET", f"/v2/a/blobs/{digest_of(image.layers[0])}").status == 404
        assert client.tags("a") == ["2"]
        kept.assert_served(client, "a", "2")


def test_referrers_are_found_in_a_folder_that_the_peer_wrote(peer: str, tmp_path: Path) -> None:
    image = make_image(1)
    signature = artifact_manifest(
        digest_of(b"signature"),
        9,
        subject={"mediaType": image.media_type, "digest": image.digest, "size": len(image.manifest)},
    )
    with Server(peer, tmp_path / "first", data=tmp_path / "data") as server, server.client() as client:
        image.push(client, "a", "1")
        for blob in (b"signature", b"{}"):
            client.push_blob("a", blob)
        client.push_manifest("a", "signed", signature)
    with Server("txregistry", tmp_path / "second", data=tmp_path / "data") as server, server.client() as client:
        assert client.referrers("a", image.digest) == [digest_of(signature)]


def test_an_upload_that_the_peer_began_goes_on(peer: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    octets = {"Content-Type": "application/octet-stream"}
    with Server(peer, tmp_path / "first", data=tmp_path / "data") as server, server.client() as client:
        upload = client.begin_upload("a")
        upload = location(client.request("PATCH", upload, content[:300_000], octets, expect=202))
    with Server("txregistry", tmp_path / "second", data=tmp_path / "data") as server, server.client() as client:
        answer = client.request("GET", upload, expect=204)
        assert answer.headers["Range"] == "0-299999"
        target = with_query(location(answer), f"digest={digest_of(content)}")
        client.request("PUT", target, content[300_000:], octets, expect=201)
        assert client.blob("a", digest_of(content)) == content


def test_both_serve_one_folder_at_the_same_time(peer: str, tmp_path: Path) -> None:
    """No answer comes from a memory of what the other has changed since."""
    images = [make_image(number) for number in range(6)]
    with (
        Server(peer, tmp_path / "first", data=tmp_path / "data") as theirs,
        Server("txregistry", tmp_path / "second", data=tmp_path / "data") as ours,
        theirs.client() as their_client,
        ours.client() as our_client,
    ):
        sides = [(our_client, their_client), (their_client, our_client)]
        for number, image in enumerate(images):
            writer, reader = sides[number % 2]
            image.push(writer, "shared/app", "moving")
            for client in (reader, writer):
                image.assert_served(client, "shared/app", "moving")
                assert client.tags("shared/app") == ["moving"]
        for number, image in enumerate(images):
            writer, reader = sides[number % 2]
            writer.request("DELETE", f"/v2/shared/app/manifests/{image.digest}", expect=202)
            writer.request("DELETE", f"/v2/shared/app/blobs/{digest_of(image.layers[0])}", expect=202)
            assert reader.request("GET", f"/v2/shared/app/manifests/{image.digest}").status == 404
            assert reader.request("GET", f"/v2/shared/app/blobs/{digest_of(image.layers[0])}").status == 404
        for client in (our_client, their_client):
            assert client.request("GET", "/v2/shared/app/manifests/moving").status == 404
