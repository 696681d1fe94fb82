"""The folder that the benchmark lays out for all servers."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks.store import MIB, Scale, remove_repository, write_store

SMALL = Scale(tags=3, repositories=2, small_blobs=2, small_size=64, large_size=MIB, slow_size=MIB)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_link_names_a_blob_whose_bytes_have_its_digest(tmp_path: Path) -> None:
    write_store(tmp_path, SMALL)
    written = files(tmp_path)
    links = [content.decode() for path, content in written.items() if path.endswith("/link")]
    assert links
    for digest in links:
        name = digest.removeprefix("sha256:")
        content = written[f"docker/registry/v2/blobs/sha256/{name[:2]}/{name}/data"]
        assert hashlib.sha256(content).hexdigest() == name


def test_two_servers_are_given_the_same_content(tmp_path: Path) -> None:
    write_store(tmp_path / "one", SMALL)
    write_store(tmp_path / "other", SMALL)
    assert files(tmp_path / "one") == files(tmp_path / "other")


def test_removing_what_was_pushed_takes_its_blobs_and_nothing_else(tmp_path: Path) -> None:
    write_store(tmp_path, SMALL)
    before = files(tmp_path)
    name = hashlib.sha256(b"pushed").hexdigest()
    registry = tmp_path / "docker/registry/v2"
    data = registry / "blobs/sha256" / name[:2] / name / "data"
    link = registry / "repositories/pushed/here/_layers/sha256" / name / "link"
    for path, content in ((data, b"pushed"), (link, f"sha256:{name}".encode())):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    assert files(tmp_path) != before
    remove_repository(tmp_path, "pushed/here")
    assert files(tmp_path) == before
