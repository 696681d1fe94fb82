"""skopeo, podman and buildah push, pull, copy whole indexes, list tags and delete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.live.support.certificates import make_certificates
from tests.live.support.client import Client, digest_of
from tests.live.support.images import Image, make_image, make_index, write_layout
from tests.live.support.server import Server
from tests.live.support.system import host_name
from tests.live.support.tools import require, run

pytestmark = pytest.mark.live

NAME = "clients/app"
HOST = "registry.txregistry.test"


class Layout:
    """An image for two architectures on disk."""

    def __init__(self, folder: Path) -> None:
        self.images = [make_image(1, architecture=architecture) for architecture in ("amd64", "arm64")]
        self.index = make_index(self.images)
        self.source = f"oci:{folder}:built"
        write_layout(folder, self.index, self.images, "built")

    def assert_served(self, client: Client, name: str, tag: str) -> None:
        """The index and every image of it, byte for byte."""
        assert client.manifest(name, tag).body == self.index
        for image in self.images:
            image.assert_served(client, name, image.digest)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


class Tool:
    """podman or buildah with a store of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = require(program)
        folder.mkdir()
        self._configuration = folder / "storage.conf"
        self._configuration.write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{folder / "run"}"\n'
            f'graphroot = "{folder / "graph"}"\nrootless_storage_path = "{folder / "graph"}"\n'
        )

    def __call__(self, *arguments: str) -> str:
        return run(self._program, *arguments, CONTAINERS_STORAGE_CONF=str(self._configuration))


def skopeo(*arguments: str) -> str:
    return run(require("skopeo"), *arguments)


def copied(folder: Path) -> bytes:
    """The one manifest that was copied into a layout on disk."""
    (entry,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    path: str = entry["digest"].replace(":", "/")
    return (folder / "blobs" / path).read_bytes()


def test_skopeo_copies_a_whole_index_there_and_back(
    server: Server, client: Client, layout: Layout, tmp_path: Path
) -> None:
    reference = f"docker://{server.address}/{NAME}:1"
    skopeo("copy", "--all", "--dest-tls-verify=false", layout.source, reference)
    layout.assert_served(client, NAME, "1")
    skopeo("copy", "--all", "--src-tls-verify=false", reference, f"oci:{tmp_path / 'back'}:back")
    assert copied(tmp_path / "back") == layout.index


def test_skopeo_copies_between_repositories(server: Server, client: Client, layout: Layout) -> None:
    first, second = f"docker://{server.address}/{NAME}:1", f"docker://{server.address}/other/app:2"
    skopeo("copy", "--all", "--dest-tls-verify=false", layout.source, first)
    skopeo("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", first, second)
    layout.assert_served(client, "other/app", "2")


def test_skopeo_pushes_every_kind_of_manifest(server: Server, client: Client, layout: Layout) -> None:
    for kind in ("oci", "v2s2"):
        reference = f"docker://{server.address}/{NAME}:{kind}"
        skopeo("copy", f"--format={kind}", "--override-arch=arm64", "--dest-tls-verify=false", layout.source, reference)
        assert json.loads(skopeo("inspect", "--tls-verify=false", reference))["Architecture"] == "arm64"
    listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{server.address}/{NAME}"))
    assert listed["Tags"] == ["oci", "v2s2"]


def test_skopeo_deletes(server: Server, client: Client, layout: Layout) -> None:
    reference = f"docker://{server.address}/{NAME}:1"
    skopeo("copy", "--all", "--dest-tls-verify=false", layout.source, reference)
    skopeo("delete", "--tls-verify=false", reference)
    assert client.request("GET", f"/v2/{NAME}/manifests/1").status == 404
    assert client.request("GET", f"/v2/{NAME}/manifests/{digest_of(layout.index)}").status == 404


def test_skopeo_copies_over_tls_by_host_name(kind: str, layout: Layout, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "certificates", HOST)
    settings = {"http": {"tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)}}}
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "ca.crt").write_bytes(certificates.authority.read_bytes())
    with (
        host_name(HOST),
        Server(kind, tmp_path / "server", settings=settings, host=HOST, authority=certificates.authority) as server,
        server.client() as client,
    ):
        reference = f"docker://{server.address}/{NAME}:1"
        skopeo("copy", "--all", f"--dest-cert-dir={trust}", layout.source, reference)
        layout.assert_served(client, NAME, "1")
        skopeo("copy", "--all", f"--src-cert-dir={trust}", reference, f"oci:{tmp_path / 'back'}:back")
        assert copied(tmp_path / "back") == layout.index


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_a_builder_pushes_and_pulls_an_image(
    server: Server, client: Client, layout: Layout, program: str, tmp_path: Path
) -> None:
    tool, reference = Tool(program, tmp_path / "first"), f"{server.address}/{NAME}:1"
    built = tool("pull", "--quiet", "--arch=amd64", layout.source).split()[-1]
    tool("push", "--tls-verify=false", built, f"docker://{reference}")
    config = json.loads(client.manifest(NAME, "1").body)["config"]["digest"]
    assert config == f"sha256:{built}"
    other = Tool(program, tmp_path / "second")
    assert other("pull", "--quiet", "--tls-verify=false", reference).split()[-1] == built


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_a_builder_pushes_an_index(
    server: Server, client: Client, layout: Layout, program: str, tmp_path: Path
) -> None:
    source, target = f"{server.address}/{NAME}:source", f"docker://{server.address}/{NAME}:listed"
    skopeo("copy", "--all", "--dest-tls-verify=false", layout.source, f"docker://{source}")
    tool = Tool(program, tmp_path / "store")
    tool("manifest", "create", "listed")
    tool("manifest", "add", "--all", "--tls-verify=false", "listed", f"docker://{source}")
    tool("manifest", "push", "--all", "--tls-verify=false", "listed", target)
    listed = json.loads(client.manifest(NAME, "listed").body)
    assert {entry["digest"] for entry in listed["manifests"]} == {image.digest for image in layout.images}
    for image in layout.images:
        image.assert_served(client, NAME, image.digest)


def test_podman_lists_tags(server: Server, client: Client, tmp_path: Path) -> None:
    image: Image = make_image(2)
    for tag in ("1", "2", "latest"):
        image.push(client, NAME, tag)
    podman = Tool("podman", tmp_path / "store")
    (listed,) = json.loads(
        podman("search", "--list-tags", "--tls-verify=false", "--format=json", f"{server.address}/{NAME}")
    )
    assert sorted(listed["Tags"]) == ["1", "2", "latest"]
