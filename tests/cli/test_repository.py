"""Deleting a repository and adopting a store by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registry.world import APP, OTHER, World, now
from txregistry.cli.adopt import adopt
from txregistry.cli.main import main
from txregistry.cli.repository import confirmed, delete
from txregistry.cli.store import OpenStore
from txregistry.config.model import Configuration
from txregistry.registry.collection.adoption import Adoption


def opened(world: World) -> OpenStore:
    return OpenStore(Configuration(), world.driver, world.registry, world.clock)


def configured(folder: Path, storage: str = "") -> str:
    path = folder / "config.yml"
    path.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\n{storage}")
    return str(path)


def test_a_repository_is_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.push_image()
    world.push_image(OTHER)
    assert now(delete(opened(world), APP)) == 0
    assert now(world.registry.catalog.page(None, 10))[0] == [str(OTHER)]
    assert capsys.readouterr().out == f"Deleted {APP}.\n"


def test_one_that_is_not_there_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert now(delete(opened(World()), APP)) == 1
    assert capsys.readouterr().err == f"txregistry: there is no repository {APP}\n"


@pytest.mark.parametrize(
    ("storage", "reason"),
    [
        ("", "deleting is switched off (storage.delete.enabled)"),
        (
            "  delete: {enabled: true}\n  maintenance: {readonly: {enabled: true}}\n",
            "the registry is read-only (storage.maintenance.readonly.enabled)",
        ),
    ],
)
def test_what_the_api_forbids_is_forbidden_by_hand(
    storage: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["repository", "delete", configured(tmp_path, storage), str(APP), "--yes"]) == 1
    assert capsys.readouterr().err == f"txregistry: {reason}\n"


def test_without_a_terminal_nobody_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not confirmed(APP)
    assert main(["repository", "delete", configured(tmp_path, "  delete: {enabled: true}\n"), str(APP)]) == 1
    assert capsys.readouterr().err == "txregistry: nothing was deleted\n"


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("Yes\n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_somebody_at_a_terminal_is_asked(
    answer: str, agreed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr("sys.stdin", Terminal())
    assert confirmed(APP) is agreed
    assert str(APP) in capsys.readouterr().out


@pytest.mark.parametrize("command", [["garbage-collect"], ["adopt"]])
def test_a_store_that_is_not_there_is_not_made(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, configured(tmp_path)]) == 1
    assert capsys.readouterr().err == f"txregistry: there is no storage folder {tmp_path}/data\n"
    assert not (tmp_path / "data").exists()


def test_a_store_in_memory_cannot_be_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nstorage: inmemory\n")
    assert main(["garbage-collect", str(path)]) == 1
    assert "in the memory of the server" in capsys.readouterr().err


def test_a_bad_configuration_tells_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yml"
    path.write_text("version: 0.2\nstorage: inmemory\nlog: {level: loud}\n")
    assert main(["garbage-collect", str(path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"txregistry: {path}:") for line in lines] == [True, True]


def test_what_is_no_name_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = configured(tmp_path, "  delete: {enabled: true}\n")
    assert main(["repository", "delete", path, "UPPER", "--yes"]) == 1
    assert capsys.readouterr().err == "txregistry: not the name of a repository: UPPER\n"


def test_a_foreign_store_is_adopted_once(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.push_image()
    assert now(adopt(opened(world))) == 0
    assert capsys.readouterr().out.startswith("The store is adopted")
    assert now(Adoption(world.driver).is_ours())
    assert now(adopt(opened(world))) == 0
    assert capsys.readouterr().out == "The store is ours already.\n"
