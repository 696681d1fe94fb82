from pathlib import Path

import pytest

from txregistry.cli.main import main

GOOD = "version: 0.1\nstorage:\n  inmemory:\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("os.environ", {})
    return tmp_path / "config.yml"


def test_a_good_configuration_is_called_good(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GOOD)
    assert main(["check-config", str(config), "--strict"]) == 0
    assert capsys.readouterr() == (f"{config}: good\n", "")


def test_every_mistake_is_told_with_its_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("version: 0.2\nlog:\n  level: loud\nstorage:\n  inmemory:\nhttp:\n  addr: nowhere\n")
    assert main(["check-config", str(config)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert [line.split(": ")[:3] for line in lines] == [
        ["error", f"{config}:1", "version"],
        ["error", f"{config}:3", "log.level"],
        ["error", f"{config}:7", "http.addr"],
    ]


def test_a_warning_fails_only_under_strict(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GOOD + "htpp:\n  addr: :5000\n")
    assert main(["check-config", str(config)]) == 0
    told = capsys.readouterr()
    assert told.out == f"{config}: good\n"
    [line] = told.err.splitlines()
    assert line.startswith(f"warning: {config}:4: htpp: ")
    assert main(["check-config", str(config), "--strict"]) == 1
    assert capsys.readouterr() == ("", told.err)


def test_a_file_that_is_not_there_is_an_error(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", str(config)]) == 1
    assert capsys.readouterr().err == f"error: {config}: cannot be read: No such file or directory\n"


def test_the_file_is_found_by_the_environment(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(GOOD)
    monkeypatch.setattr("os.environ", {"REGISTRY_CONFIGURATION_PATH": str(config)})
    assert main(["check-config"]) == 0
    assert capsys.readouterr().out == f"{config}: good\n"


def test_the_environments_overrides_are_checked_too(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(GOOD)
    monkeypatch.setattr("os.environ", {"REGISTRY_HTTP_DRAINTIMEOUT": "soon"})
    assert main(["check-config", str(config)]) == 1
    assert capsys.readouterr().err.startswith("error: REGISTRY_HTTP_DRAINTIMEOUT: http.draintimeout: ")
