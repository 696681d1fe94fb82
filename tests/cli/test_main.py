import pytest

from txregistry.cli.main import main, with_command


@pytest.mark.parametrize("name", ["/etc/docker/registry/config.yml", "config.yaml"])
def test_a_configuration_in_place_of_a_command_means_to_serve_it(name: str) -> None:
    assert with_command([name]) == ["serve", name]


@pytest.mark.parametrize("arguments", [[], ["serve"], ["serve", "a.yml"], ["check-config", "a.yml"], ["--version"]])
def test_a_command_is_left_alone(arguments: list[str]) -> None:
    assert with_command(arguments) == arguments


@pytest.mark.parametrize("arguments", [[], ["defragment"], ["serve", "--what"], ["serve", "a", "b"]])
def test_wrong_usage_ends_with_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: txregistry" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-v", "--version"])
def test_the_version_is_one_line_with_the_name(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith("txregistry ")
    assert told.count("\n") == 1
