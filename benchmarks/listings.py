"""The folders of which lists are asked: very many repositories, tags of one of them, referrers of a manifest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contents import manifest
from benchmarks.store import REPOSITORY, StoreWriter

__all__ = ["Listings", "ListingsScale", "tag_name", "write_listings"]

_TEAMS = 100
_PAGE = 100


@dataclass(frozen=True, slots=True)
class ListingsScale:
    """How much is in one."""

    repositories: int
    tags: tuple[int, ...] = ()
    """A repository `tagged/<count>` for each."""
    referrers: tuple[int, ...] = ()
    """A repository `referred/<count>` for each, with so many referrers of one manifest."""


@dataclass(frozen=True, slots=True)
class Listings:
    """What can be asked of it."""

    before_last_page: str
    """All repositories but 99 sort before or at this one."""
    subjects: dict[str, str]
    """By repository, the digest that its referrers name."""


def write_listings(root: Path, scale: ListingsScale) -> Listings:
    """Write the folder."""
    writer = StoreWriter(root)
    config = writer.layer(REPOSITORY, b"{}")
    digest = writer.push(REPOSITORY, "latest", manifest(config, "latest"))
    names = sorted(f"team-{number % _TEAMS:02}/service-{number // _TEAMS:05}" for number in range(scale.repositories))
    for name in names:
        _write_repository(writer, name, digest)
    for count in scale.tags:
        repository = f"tagged/{count}"
        writer.push(repository, tag_name(0), manifest(config, repository))
        writer.revision(repository, digest)
        for number in range(1, count):
            # The history of a tag is no part of any list.
            writer.link(repository, f"_manifests/tags/{tag_name(number)}/current", digest)
    subjects = {}
    for count in scale.referrers:
        repository = f"referred/{count}"
        subjects[repository] = writer.push(repository, "latest", manifest(config, repository))
        for number in range(count):
            content = manifest(config, f"{repository} {number}", subjects[repository])
            writer.revision(repository, writer.blob(content))
    return Listings(names[-_PAGE], subjects)


def tag_name(number: int) -> str:
    """Of a repository `tagged/<count>`."""
    return f"v1.{number:06}"


def _write_repository(writer: StoreWriter, name: str, digest: str) -> None:
    """One tag, one manifest; both kinds of folder by which registries know a repository."""
    folder = writer.root / "docker/registry/v2/repositories" / name
    os.makedirs(folder / "_layers")
    writer.revision(name, digest)
    writer.link(name, "_manifests/tags/latest/current", digest)
