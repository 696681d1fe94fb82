"""Real servers and the command line on one folder: what is collected, purged and deleted, and what is not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.support.client import Unexpected
from tests.live.support.images import make_image
from tests.live.support.server import Server
from tests.live.support.tools import ROOT, require
from tests.live.support.waiting import LIMIT, eventually

pytestmark = pytest.mark.live

V2 = Path("docker/registry/v2")
# As fast as it is allowed to be.
FAST: dict[str, Any] = {"collection": {"interval": "1s", "grace": "1s", "trash": "1s"}}


def configured(folder: Path, data: Path) -> Path:
    path = folder / "by-hand.yml"
    storage = {"filesystem": {"rootdirectory": str(data)}, "delete": {"enabled": True}}
    path.write_text(yaml.safe_dump({"version": "0.1", "storage": storage}))
    return path


def by_hand(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "txregistry.cli.main", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def blobs(data: Path) -> set[str]:
    return {path.parent.name for path in (data / V2 / "blobs").rglob("data")}


def servers(data: Path) -> list[str]:
    folder = data / V2 / "_txregistry" / "servers"
    return [name for name in os.listdir(folder) if name != "gate"] if folder.exists() else []


def test_a_server_collects_what_nobody_needs_and_keeps_what_somebody_does(tmp_path: Path) -> None:
    image = make_image(1)
    with Server("txregistry", tmp_path, settings={"txregistry": FAST}) as server, server.client() as client:
        image.push(client, "library/app", "latest")
        unused = client.push_blob("library/app", b"unused").partition(":")[2]
        trash = server.data / V2 / "_txregistry" / "trash"
        eventually(lambda: unused not in blobs(server.data) and not list(trash.rglob("data")))
        image.assert_served(client, "library/app", "latest")
        client.request("DELETE", "/v2/_txregistry/repositories/library/app", expect=202)
        assert client.catalog() == []
        eventually(lambda: not blobs(server.data))
        assert server.stop() == 0
        assert server.defects() == []
        assert "collection finished" in server.log_text()


def test_by_hand_the_young_stays_while_a_server_runs_and_all_goes_when_none_does(tmp_path: Path) -> None:
    image = make_image(1)
    with Server("txregistry", tmp_path) as server:
        config = configured(tmp_path, server.data)
        with server.client() as client:
            image.push(client, "app", "latest")
            unused = client.push_blob("app", b"unused").partition(":")[2]
            assert len(servers(server.data)) == 1
            done = by_hand("garbage-collect", config)
            assert (done.returncode, done.stderr) == (0, "")
            assert "waits, the last until" in done.stdout
            assert unused in blobs(server.data)
            refused = by_hand("garbage-collect", config, "--grace", "1s")
            assert refused.returncode == 1
            assert "not safe while a server serves" in refused.stderr
        assert server.stop() == 0
        assert servers(server.data) == []
        done = by_hand("garbage-collect", "--dry-run", config)
        assert "Would have removed 2 files" in done.stdout
        assert unused in blobs(server.data)
        done = by_hand("garbage-collect", config)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Removed 2 files of 77 bytes." in done.stdout
        assert unused not in blobs(server.data)
        server.start()
        with server.client() as client:
            image.assert_served(client, "app", "latest")


def test_a_server_that_was_killed_is_no_server(tmp_path: Path) -> None:
    with Server("txregistry", tmp_path) as server:
        with server.client() as client:
            client.push_blob("app", b"unused")
        server.kill()
        assert len(servers(server.data)) == 1
        done = by_hand("garbage-collect", "-q", configured(tmp_path, server.data))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert blobs(server.data) == set()
        assert servers(server.data) == []


def test_a_repository_is_deleted_by_hand_beside_a_server(tmp_path: Path) -> None:
    with Server("txregistry", tmp_path) as server, server.client() as client:
        make_image(1).push(client, "team/app", "latest")
        make_image(2).push(client, "team/app/nested", "latest")
        config = configured(tmp_path, server.data)
        assert by_hand("repository", "delete", config, "team/app").returncode == 1
        assert client.catalog() == ["team/app", "team/app/nested"]
        done = by_hand("repository", "delete", config, "team/app", "--yes")
        assert (done.returncode, done.stdout) == (0, "Deleted team/app.\n")
        assert client.catalog() == ["team/app/nested"]
        with pytest.raises(Unexpected):
            client.manifest("team/app", "latest")
        make_image(2).assert_served(client, "team/app/nested", "latest")


@pytest.mark.parametrize("peer", ["registry2", "registry3"])
@pytest.mark.parametrize("untagged", [(), ("-m",)])
def test_what_is_left_is_what_distributions_own_collector_leaves(
    peer: str, untagged: tuple[str, ...], tmp_path: Path
) -> None:
    with Server(peer, tmp_path / "first", data=tmp_path / "data") as server, server.client() as client:
        kept, moved = make_image(1), make_image(2)
        kept.push(client, "app", "latest")
        moved.push(client, "app", "moved")
        make_image(3).push(client, "app", "moved")
        make_image(4).push(client, "other/app", make_image(4).digest)
        # The collector of 2.8 fails where a repository has no tags.
        make_image(6).push(client, "other/app", "latest")
        deleted = make_image(5)
        deleted.push(client, "app", "deleted")
        client.request("DELETE", f"/v2/app/manifests/{deleted.digest}", expect=202)
        client.push_blob("app", b"unused")
    data = tmp_path / "data"
    config = configured(tmp_path, data)
    theirs = tmp_path / "theirs"
    shutil.copytree(data, theirs)
    before = blobs(data)
    done = by_hand("garbage-collect", *untagged, config)
    assert done.returncode == 0
    assert "txregistry adopt CONFIG" in done.stdout
    assert blobs(data) == before
    assert by_hand("adopt", config).returncode == 0
    done = by_hand("garbage-collect", *untagged, config)
    assert (done.returncode, done.stderr) == (0, "")
    program = require("docker-registry" if peer == "registry2" else "registry")
    (tmp_path / "theirs.yml").write_text(config.read_text().replace(str(data), str(theirs)))
    subprocess.run(
        [program, "garbage-collect", *untagged, str(tmp_path / "theirs.yml")], check=True, capture_output=True
    )
    assert blobs(data) == blobs(theirs) != before
    with Server(peer, tmp_path / "second", data=data) as server, server.client() as client:
        kept.assert_served(client, "app", "latest")


def test_uploads_that_distribution_has_left_are_purged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server("registry2", tmp_path / "first", data=data) as server, server.client() as client:
        for name in ("app", "app", "only/uploads"):
            client.request("PATCH", client.begin_upload(name), b"half", {"Content-Type": "application/octet-stream"})
        make_image(1).push(client, "app", "latest")
    sessions = sorted((data / V2 / "repositories").rglob("startedat"))
    assert len(sessions) == 3
    old = [path for path in sessions if path != sessions[0]]
    for path in old:
        path.write_text("2020-01-01T00:00:00Z")
    purging = {"maintenance": {"uploadpurging": {"interval": "1s"}}}
    with Server("txregistry", tmp_path / "second", data=data, settings={"storage": purging}) as server:
        eventually(lambda: not any(path.parent.exists() for path in old))
        assert sessions[0].exists()
        assert not (data / V2 / "repositories" / "only").exists()
        with server.client() as client:
            make_image(1).assert_served(client, "app", "latest")


def test_a_collection_by_hand_that_is_interrupted_leaves_a_store_that_can_be_collected(tmp_path: Path) -> None:
    with Server("txregistry", tmp_path) as server:
        with server.client() as client:
            make_image(1).push(client, "app", "latest")
            kept = blobs(server.data)
            for number in range(300):
                client.push_blob("app", b"unused %d" % number)
        server.stop()
        config = configured(tmp_path, server.data)
        process = subprocess.Popen(
            [sys.executable, "-m", "txregistry.cli.main", "garbage-collect", str(config)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        before = len(blobs(server.data))
        eventually(lambda: len(blobs(server.data)) < before or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=LIMIT)
        assert b"Traceback" not in told
        assert by_hand("garbage-collect", config).returncode == 0
        assert blobs(server.data) == kept
        server.start()
        with server.client() as client:
            make_image(1).assert_served(client, "app", "latest")
