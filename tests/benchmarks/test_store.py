"""The folders that the benchmark lays out for all servers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from benchmarks.contents import Contents, ContentsScale, write_contents
from benchmarks.kept import kept
from benchmarks.listings import ListingsScale, write_listings
from benchmarks.store import MIB, remove_repository

SMALL = ContentsScale(tags=3, small_blobs=2, large_blobs=2, large_size=2 * MIB, huge_size=3 * MIB, slow_size=MIB)
REGISTRY = "docker/registry/v2"


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def assert_links_name_blobs(root: Path) -> None:
    written = files(root)
    links = [content.decode() for path, content in written.items() if path.endswith("/link")]
    assert links
    for digest in links:
        name = digest.removeprefix("sha256:")
        content = written[f"{REGISTRY}/blobs/sha256/{name[:2]}/{name}/data"]
        assert hashlib.sha256(content).hexdigest() == name


def test_every_link_names_a_blob_whose_bytes_have_its_digest(tmp_path: Path) -> None:
    contents = write_contents(tmp_path / "contents", SMALL)
    assert_links_name_blobs(tmp_path / "contents")
    assert len({*contents.small, *contents.large, contents.huge, contents.slow}) == 6
    write_listings(tmp_path / "listings", ListingsScale(100, tags=(2,), referrers=(2,)))
    assert_links_name_blobs(tmp_path / "listings")


def test_the_same_scale_gives_the_same_content(tmp_path: Path) -> None:
    assert write_contents(tmp_path / "one", SMALL) == write_contents(tmp_path / "other", SMALL)
    assert files(tmp_path / "one") == files(tmp_path / "other")


def test_lists_are_as_long_as_was_asked_for_and_end_where_it_is_said(tmp_path: Path) -> None:
    listings = write_listings(tmp_path, ListingsScale(150, tags=(4,), referrers=(5,)))
    repositories = tmp_path / REGISTRY / "repositories"
    names = sorted(str(path.relative_to(repositories)) for path in repositories.glob("team-*/*"))
    assert len(names) == 150
    assert len([name for name in names if name > listings.before_last_page]) == 99
    assert len(list((repositories / "tagged/4/_manifests/tags").iterdir())) == 4
    (subject,) = listings.subjects.values()
    manifests = (path.read_bytes() for path in (tmp_path / REGISTRY / "blobs").rglob("data"))
    assert sum(json.loads(content).get("subject", {}).get("digest") == subject for content in manifests) == 5


def test_removing_what_was_pushed_takes_its_blobs_and_nothing_else(tmp_path: Path) -> None:
    write_contents(tmp_path, SMALL)
    before = files(tmp_path)
    push(tmp_path)
    assert files(tmp_path) != before
    remove_repository(tmp_path, "pushed/here")
    assert files(tmp_path) == before


def push(root: Path) -> None:
    for place, content in (("_layers", b"pushed"), ("_manifests/revisions", b"a manifest")):
        name = hashlib.sha256(content).hexdigest()
        data = root / REGISTRY / "blobs/sha256" / name[:2] / name / "data"
        link = root / REGISTRY / "repositories/pushed/here" / place / "sha256" / name / "link"
        for path, written in ((data, content), (link, f"sha256:{name}".encode())):
            path.parent.mkdir(parents=True)
            path.write_bytes(written)


def test_a_folder_is_written_once_and_cleared_of_what_an_interrupted_run_has_left(tmp_path: Path) -> None:
    written: list[Path] = []

    def open_folder(scale: ContentsScale) -> Contents:
        def write(root: Path) -> Contents:
            written.append(root)
            return write_contents(root, scale)

        return kept(tmp_path / "contents", scale, Contents, write)

    first = open_folder(SMALL)
    before = files(tmp_path / "contents")
    push(tmp_path / "contents")
    assert open_folder(SMALL) == first
    assert files(tmp_path / "contents") == before
    assert len(written) == 1


def test_a_folder_of_another_scale_or_half_written_is_written_anew(tmp_path: Path) -> None:
    folder = tmp_path / "contents"
    (folder / "half").mkdir(parents=True)
    small = ContentsScale(tags=1, small_blobs=1, large_blobs=1, large_size=MIB, huge_size=MIB, slow_size=MIB)
    kept(folder, small, Contents, lambda root: write_contents(root, small))
    assert not (folder / "half").exists()
    contents = kept(folder, SMALL, Contents, lambda root: write_contents(root, SMALL))
    assert len(contents.tags) == 3
