"""Images made from nothing but random bytes: layers, configuration, manifest, an index of two, a layout on disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.live.support.client import INDEX, MANIFEST, Client, digest_of

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@frozen
class Image:
    """What one platform needs; clients can unpack and run checks on it."""

    architecture: str
    config: bytes
    layers: tuple[bytes, ...]
    manifest: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return digest_of(self.manifest)

    def push(self, client: Client, name: str, reference: str) -> str:
        """Push everything, the manifest last; its digest."""
        for blob in (*self.layers, self.config):
            client.push_blob(name, blob)
        return client.push_manifest(name, reference, self.manifest, self.media_type)

    def assert_served(self, client: Client, name: str, reference: str) -> None:
        """Every byte comes back."""
        answer = client.manifest(name, reference)
        assert answer.body == self.manifest
        assert answer.headers["Content-Type"] == self.media_type
        assert answer.headers["Docker-Content-Digest"] == self.digest
        for blob in (*self.layers, self.config):
            assert client.blob(name, digest_of(blob)) == blob


def make_image(
    seed: int, layers: int = 2, size: int = 20_000, architecture: str = "amd64", docker: bool = False
) -> Image:
    """The same for the same seed."""
    generator = random.Random(f"{seed} {architecture}")
    contents = [_tar(f"layer-{seed}-{number}", generator.randbytes(size)) for number in range(layers)]
    blobs = tuple(gzip.compress(content, mtime=0) for content in contents)
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(content) for content in contents]},
            "history": [{"created_by": f"layer {number}"} for number in range(layers)],
        }
    ).encode()
    media_type = DOCKER_MANIFEST if docker else MANIFEST
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor(config, DOCKER_CONFIG_TYPE if docker else CONFIG_TYPE),
            "layers": [descriptor(blob, DOCKER_LAYER_TYPE if docker else LAYER_TYPE) for blob in blobs],
        },
        indent=3 if docker else None,
    ).encode()
    return Image(architecture, config, blobs, manifest, media_type)


def make_index(images: list[Image]) -> bytes:
    """An index with one entry a platform."""
    entries = [
        descriptor(image.manifest, image.media_type, platform={"os": "linux", "architecture": image.architecture})
        for image in images
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


def descriptor(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """Type, digest and size."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def write_layout(folder: Path, index: bytes, images: list[Image], tag: str) -> None:
    """An OCI image layout that skopeo reads as `oci:folder:tag`."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for image in images:
        for content in (*image.layers, image.config, image.manifest):
            (blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
    (blobs / hashlib.sha256(index).hexdigest()).write_bytes(index)
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    entry = descriptor(index, INDEX, annotations={"org.opencontainers.image.ref.name": tag})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def _tar(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
