"""The folder of manifests and blobs that all servers serve: one repository of many tags, and blobs of four sizes."""

from __future__ import annotations

import hashlib
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

from benchmarks.store import MANIFEST_TYPE, MIB, REPOSITORY, StoreWriter, blob_path

__all__ = ["Contents", "ContentsScale", "manifest", "write_contents"]


@dataclass(frozen=True, slots=True)
class ContentsScale:
    """How much is in it; sizes are multiples of 1 MiB."""

    tags: int = 2000
    small_blobs: int = 256
    """Of 1 MiB."""
    large_blobs: int = 16
    large_size: int = 256 * MIB
    huge_size: int = 1024 * MIB
    slow_size: int = 48 * MIB
    """Of what slow clients pull and push."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What can be asked of the folder; digests as text."""

    tags: tuple[str, ...]
    manifest: str
    small: tuple[str, ...]
    large: tuple[str, ...]
    huge: str
    slow: str


def write_contents(root: Path, scale: ContentsScale) -> Contents:
    """Write the folder, the same content for the same scale wherever it is written."""
    writer = StoreWriter(root)
    source = random.Random("the same bytes for every server")
    config = writer.layer(REPOSITORY, b"{}")
    tags = tuple(f"v1.{number:05}" for number in range(scale.tags))
    manifests = [writer.push(REPOSITORY, tag, manifest(config, tag)) for tag in tags]

    def blobs(count: int, size: int) -> tuple[str, ...]:
        return tuple(_write_blob(writer, source, size) for _ in range(count))

    small, large = blobs(scale.small_blobs, MIB), blobs(scale.large_blobs, scale.large_size)
    return Contents(
        tags=tags,
        manifest=manifests[len(manifests) // 2],
        small=small,
        large=large,
        huge=blobs(1, scale.huge_size)[0],
        slow=blobs(1, scale.slow_size)[0],
    )


def manifest(config: str, note: str, subject: str = "") -> bytes:
    """A manifest of eight layers that the note makes unlike any other."""
    descriptor = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2}
    layer = {**descriptor, "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
    content: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor,
        "layers": [layer] * 8,
        "annotations": {"org.opencontainers.image.ref.name": note},
    }
    if subject:
        content["artifactType"] = "application/vnd.example.signature"
        content["subject"] = {"mediaType": MANIFEST_TYPE, "digest": subject, "size": 2}
    return json.dumps(content, indent=2).encode()


def _write_blob(writer: StoreWriter, source: random.Random, size: int) -> str:
    """Each MiB is the same random bytes behind a number: drawing all would take longer than writing them."""
    piece = source.randbytes(MIB - 8)
    digest, made = hashlib.sha256(), writer.root / "being-written"
    made.parent.mkdir(parents=True, exist_ok=True)
    with made.open("wb") as file:
        for number in range(size // MIB):
            content = number.to_bytes(8, "big") + piece
            digest.update(content)
            file.write(content)
    name = f"sha256:{digest.hexdigest()}"
    path = blob_path(writer.root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(made, path)
    writer.link(REPOSITORY, "_layers/{}", name)
    return name
