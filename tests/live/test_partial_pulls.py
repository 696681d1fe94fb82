"""podman takes of a layer only the chunks that it lacks, by several ranges in one request."""

from __future__ import annotations

import io
import json
import random
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.live.support.client import MANIFEST, digest_of
from tests.live.support.images import CONFIG_TYPE, Image, descriptor, make_index, write_layout
from tests.live.support.server import Server
from tests.live.support.tools import require, require_root, run
from tests.live.support.waiting import eventually

pytestmark = pytest.mark.live

NAME = "chunked/app"
FILES, SIZE = 20, 100_000
CHANGED = (3, 9, 15)
_PULLED = re.compile(r'"GET /v2/chunked/app/blobs/sha256:([0-9a-f]{64}) HTTP/1\.1" ([0-9]+) ([0-9]+) ')


class Store:
    """podman and skopeo over a store that takes layers in parts, which only the overlay driver does."""

    def __init__(self, folder: Path) -> None:
        require_root("an overlay filesystem")
        folder.mkdir()
        self.graph = folder / "graph"
        self._configuration = folder / "storage.conf"
        self._configuration.write_text(
            f'[storage]\ndriver = "overlay"\nrunroot = "{folder / "run"}"\ngraphroot = "{self.graph}"\n'
            '[storage.options]\npull_options = {enable_partial_images = "true"}\n'
        )

    def __call__(self, program: str, *arguments: str) -> str:
        return run(require(program), *arguments, CONTAINERS_STORAGE_CONF=str(self._configuration))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store")
    yield store
    # podman mounts its folder on itself, and leaves it so; it could not be removed.
    while (store.graph / "overlay").is_mount():
        run("umount", "-l", str(store.graph / "overlay"))


def image_of(files: Mapping[str, bytes]) -> Image:
    """With one layer that is not compressed: skopeo makes chunks of it."""
    packed = io.BytesIO()
    # skopeo 1.9 cannot make chunks of what Python writes in another format.
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    layer = packed.getvalue()
    rootfs = {"type": "layers", "diff_ids": [digest_of(layer)]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    described = descriptor(layer, "application/vnd.oci.image.layer.v1.tar")
    manifest = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, CONFIG_TYPE), "layers": [described]
    }  # fmt: skip
    return Image("amd64", config, (layer,), json.dumps(manifest).encode(), MANIFEST)


def test_podman_takes_only_the_files_that_have_changed(kind: str, store: Store, tmp_path: Path) -> None:
    generator = random.Random(1)
    files = {f"file{number}": generator.randbytes(SIZE) for number in range(FILES)}
    changed = files | {f"file{number}": generator.randbytes(SIZE) for number in CHANGED}
    settings = {"log": {"accesslog": {"disabled": False}}}
    with Server(kind, tmp_path / "server", settings=settings) as server, server.client() as client:
        for tag, content in (("old", files), ("new", changed)):
            image, layout = image_of(content), tmp_path / tag
            write_layout(layout, make_index([image]), [image], "built")
            local, target = f"containers-storage:localhost/{tag}", f"docker://{server.address}/{NAME}:{tag}"
            store("skopeo", "copy", "--override-arch=amd64", f"oci:{layout}:built", local)
            chunked = ("--dest-compress-format=zstd:chunked", "--dest-tls-verify=false")
            store("skopeo", "copy", *chunked, local, target)
        store("podman", "rmi", "--all", "--force")
        for tag in ("old", "new"):
            store("podman", "pull", "--quiet", "--tls-verify=false", f"{server.address}/{NAME}:{tag}")
        (layer,) = json.loads(client.manifest(NAME, "new").body)["layers"]

        def pulled() -> list[tuple[int, int]]:
            found = _PULLED.findall(server.log_text())
            return [(int(status), int(size)) for digest, status, size in found if digest in layer["digest"]]

        eventually(lambda: len(pulled()) == 2)
        assert {status for status, _ in pulled()} == {206}
        needed = len(CHANGED) * SIZE
        assert needed < sum(size for _, size in pulled()) < needed + SIZE
    assert server.defects() == []
