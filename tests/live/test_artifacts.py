"""oras, regctl and crane: artifacts and what refers to them, sha512, small chunks, copies between repositories."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.auth.files import basic_header
from tests.live.support.client import Client, digest_of
from tests.live.support.images import make_image, make_index, write_layout
from tests.live.support.server import Server
from tests.live.support.tools import require, run
from tests.live.support.waiting import eventually
from tests.live.test_tokens import NAME as PUBLIC
from tests.live.test_tokens import USERS, server_of

pytestmark = pytest.mark.live

NAME, OTHER = "artifacts/app", "copies/app"
SIGNATURE, REPORT = "application/vnd.txregistry.signature", "application/vnd.txregistry.report"


@pytest.fixture(params=[1, 2], ids=["one process", "two workers"])
def server(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(kind, tmp_path / "server", settings={"txregistry": {"workers": request.param}}) as running:
        yield running
    assert running.defects() == []


class Oras:
    """With a folder of its own for what it keeps."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder

    def __call__(self, *arguments: str) -> str:
        return run(require("oras"), *arguments, DOCKER_CONFIG=str(self._folder))

    def attach(self, subject: str, kind: str, content: str, *more: str) -> None:
        """A file with this content refers to the subject."""
        path = self._folder / "attached.txt"
        path.write_text(content)
        self("attach", "--artifact-type", kind, "--disable-path-validation", *more, subject, str(path))

    def discovered(self, subject: str, *more: str) -> list[dict[str, Any]]:
        """Descriptors of what refers to it."""
        found: list[dict[str, Any]] = json.loads(self("discover", "--format", "json", *more, subject))["referrers"]
        return found


class Regctl:
    """With a configuration of its own, and plain HTTP."""

    def __init__(self, folder: Path, server: Server, *options: str) -> None:
        folder.mkdir()
        self._configuration = folder / "config.json"
        self("registry", "set", "--tls", "disabled", "--skip-check", *options, server.address)

    def __call__(self, *arguments: str) -> str:
        return run(require("regctl"), *arguments, REGCTL_CONFIG=str(self._configuration))


@pytest.fixture
def oras(tmp_path: Path) -> Oras:
    return Oras(tmp_path / "oras")


def test_oras_finds_by_type_what_refers_to_an_image_and_copies_it_along(
    server: Server, client: Client, oras: Oras
) -> None:
    image = make_image(1)
    subject, copy = f"{server.address}/{NAME}:1", f"{server.address}/{OTHER}:1"
    image.push(client, NAME, "1")
    oras.attach(subject, SIGNATURE, "one")
    oras.attach(subject, SIGNATURE, "two")
    # As clients do with a registry that knows no referrers.
    oras.attach(subject, REPORT, "three", "--distribution-spec", "v1.1-referrers-tag")
    assert [one["artifactType"] for one in oras.discovered(subject, "--artifact-type", REPORT)] == [REPORT]
    assert len(oras.discovered(subject, "--artifact-type", SIGNATURE)) == 2
    oras("cp", "--recursive", subject, copy)
    image.assert_served(client, OTHER, "1")
    referrers = client.referrers(NAME, image.digest)
    assert len(referrers) == 3
    assert sorted(client.referrers(OTHER, image.digest)) == sorted(referrers)
    contents = [json.loads(client.manifest(OTHER, digest).body)["layers"][0]["digest"] for digest in referrers]
    assert {client.blob(OTHER, digest) for digest in contents} == {b"one", b"two", b"three"}


def test_oras_lists_all_that_whoever_is_signed_in_may_see_and_not_only_what_everybody_may(
    tmp_path: Path, oras: Oras
) -> None:
    alice = {"Authorization": basic_header(f"alice:{USERS['alice']}".encode())}
    with server_of(tmp_path / "tokens", None) as server, server.client() as client:
        for name in (PUBLIC, "team/app"):
            path = f"/v2/{name}/blobs/uploads/?digest={digest_of(b'{}')}"
            client.request("POST", path, b"{}", alice, expect=201)
        assert oras("repo", "ls", server.address).split() == [PUBLIC]
        oras("login", "--username", "alice", "--password", USERS["alice"], server.address)
        assert oras("repo", "ls", server.address).split() == [PUBLIC, "team/app"]


def test_regctl_gives_an_image_sha512_digests_and_copies_it(server: Server, client: Client, tmp_path: Path) -> None:
    images = [make_image(1, architecture=architecture) for architecture in ("amd64", "arm64")]
    write_layout(tmp_path / "layout", make_index(images), images, "built")
    regctl, source = Regctl(tmp_path / "regctl", server), f"{server.address}/{NAME}"
    regctl("image", "copy", f"ocidir://{tmp_path / 'layout'}:built", f"{source}:1")
    regctl("image", "mod", "--digest-algo", "sha512", "--create", "longer", f"{source}:1")
    regctl("image", "copy", f"{source}:longer", f"{server.address}/{OTHER}:longer")
    index = client.manifest(OTHER, "longer").body
    assert client.manifest(OTHER, digest_of(index, "sha512")).body == index
    for entry in json.loads(index)["manifests"]:
        manifest = client.manifest(OTHER, entry["digest"]).body
        assert digest_of(manifest, "sha512") == entry["digest"]
        for layer in json.loads(manifest)["layers"]:
            assert digest_of(client.blob(OTHER, layer["digest"]), "sha512") == layer["digest"]


def test_regctl_pushes_in_small_chunks(server: Server, client: Client, tmp_path: Path) -> None:
    image = make_image(1, layers=3)
    write_layout(tmp_path / "layout", make_index([image]), [image], "built")
    regctl = Regctl(tmp_path / "regctl", server, "--blob-chunk", "3000", "--blob-max", "1000")
    regctl("image", "copy", f"ocidir://{tmp_path / 'layout'}:built", f"{server.address}/{NAME}:1")
    image.assert_served(client, NAME, image.digest)


def test_crane_copies_whole_images_between_repositories_by_mounts_with_a_token_for_both(tmp_path: Path) -> None:
    image = make_image(1, layers=4)
    write_layout(tmp_path / "layout", make_index([image]), [image], "built")

    def crane(*arguments: str) -> str:
        return run(require("crane"), *arguments, DOCKER_CONFIG=str(tmp_path))

    with server_of(tmp_path / "tokens", None) as server:
        first, second = f"{server.address}/{PUBLIC}:1", f"{server.address}/team/app:2"
        crane("auth", "login", "--username", "alice", "--password", USERS["alice"], server.address)
        crane("push", "--index", str(tmp_path / "layout"), first)
        crane("copy", first, second)
        # The digest of everything is compared.
        crane("pull", "--format", "oci", second, str(tmp_path / "pulled"))
        eventually(lambda: '"GET /v2/team/app/manifests/2 ' in server.log_text())
        mounts = re.findall(r'"POST /v2/team/app/blobs/uploads/\S*mount=\S* HTTP/1\.1" ([0-9]+) ', server.log_text())
        assert mounts == ["201"] * (len(image.layers) + 1)
