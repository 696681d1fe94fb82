"""The folder that every server serves: one repository of many tags, many repositories, and blobs of two sizes."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MANIFEST_TYPE", "MIB", "Scale", "Store", "StoreWriter", "remove_repository", "write_store"]

MIB = 1 << 20
REPOSITORY = "library/app"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much a store holds."""

    tags: int = 2000
    repositories: int = 2000
    small_blobs: int = 16
    small_size: int = MIB
    large_size: int = 256 * MIB
    slow_size: int = 48 * MIB
    """Of what slow clients pull and push."""


@dataclass(frozen=True, slots=True)
class Store:
    """What can be asked of the folder."""

    root: Path
    repository: str
    tags: tuple[str, ...]
    repositories: tuple[str, ...]
    manifest: str
    small: tuple[str, ...]
    large: str
    slow: str


@dataclass(frozen=True, slots=True)
class StoreWriter:
    """Distribution's layout, written without asking a server."""

    root: Path

    def blob(self, content: bytes) -> str:
        """Store a blob; its digest."""
        name = hashlib.sha256(content).hexdigest()
        path = self.root / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"
        if not path.exists():
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
        return f"sha256:{name}"

    def link(self, repository: str, place: str, digest: str) -> None:
        """Write a link of a repository; `{}` in the place stands for the digest as a path."""
        path = _repository_folder(self.root, repository) / place.format(digest.replace(":", "/")) / "link"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(digest)

    def layer(self, repository: str, content: bytes) -> str:
        """Store a blob and link it."""
        digest = self.blob(content)
        self.link(repository, "_layers/{}", digest)
        return digest

    def manifest(self, repository: str, tag: str, config: str, note: str) -> str:
        """Store a manifest that the note makes unlike any other, under a tag."""
        descriptor = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2}
        content = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor,
            "layers": [{**descriptor, "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}] * 8,
            "annotations": {"org.opencontainers.image.ref.name": note},
        }
        return self.push(repository, tag, json.dumps(content, indent=2).encode())

    def push(self, repository: str, tag: str, content: bytes) -> str:
        """Store this manifest under a tag."""
        digest = self.blob(content)
        self.link(repository, "_manifests/revisions/{}", digest)
        self.link(repository, f"_manifests/tags/{tag}/current", digest)
        self.link(repository, f"_manifests/tags/{tag}/index/{{}}", digest)
        return digest


def write_store(root: Path, scale: Scale) -> Store:
    """Write the folder, the same content for the same scale wherever it is written."""
    writer = StoreWriter(root)
    source = random.Random("the same bytes for every server")
    config = b"{}"
    repositories = tuple(f"team-{i % 40:02}/service-{i:05}" for i in range(scale.repositories))
    for repository in repositories:
        writer.manifest(repository, "latest", writer.layer(repository, config), repository)
    tags = tuple(f"v1.{i:05}" for i in range(scale.tags))
    digest = writer.layer(REPOSITORY, config)
    manifests = [writer.manifest(REPOSITORY, tag, digest, tag) for tag in tags]
    return Store(
        root=root,
        repository=REPOSITORY,
        tags=tags,
        repositories=tuple(sorted((*repositories, REPOSITORY))),
        manifest=manifests[len(manifests) // 2],
        small=tuple(writer.layer(REPOSITORY, source.randbytes(scale.small_size)) for _ in range(scale.small_blobs)),
        large=writer.layer(REPOSITORY, _bytes(source, scale.large_size)),
        slow=writer.layer(REPOSITORY, _bytes(source, scale.slow_size)),
    )


def remove_repository(root: Path, repository: str) -> None:
    """Take away a repository with the blobs that only it holds: what a push has left."""
    folder = _repository_folder(root, repository)
    for link in folder.glob("_layers/sha256/*/link"):
        name = link.parent.name
        shutil.rmtree(root / "docker/registry/v2/blobs/sha256" / name[:2] / name, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _bytes(source: random.Random, size: int) -> bytes:
    return b"".join(source.randbytes(MIB) for _ in range(size // MIB))


def _repository_folder(root: Path, repository: str) -> Path:
    return root / "docker/registry/v2/repositories" / repository
