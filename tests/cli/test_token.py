"""Making, listing and revoking access tokens by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.task import Clock

from tests.auth.files import entry
from tests.registry.world import now
from txregistry.auth.machinetokens import MachineTokens
from txregistry.cli.main import parser
from txregistry.cli.store import OpenStore, load, open_store
from txregistry.cli.token import create_token, list_tokens, revoke_token, run
from txregistry.daemon.tokens import machine_tokens

CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
auth: {{htpasswd: {{realm: r, path: {folder}/htpasswd}}}}
txregistry: {{{tokens}}}
"""
SERVICE = "tokens: {service: s}"


@pytest.fixture
def store(tmp_path: Path) -> OpenStore:
    (tmp_path / "data").mkdir()
    (tmp_path / "htpasswd").write_text(entry("alice", "secret"))
    (tmp_path / "config.yml").write_text(CONFIG.format(folder=tmp_path, tokens=SERVICE))
    return open_store(load(str(tmp_path / "config.yml"), {}), Clock())


def made(store: OpenStore, *options: str) -> int:
    arguments = parser().parse_args(["token", "create", "x.yml", "ci", "--scope", "library/**:pull,push", *options])
    return now(create_token(store, arguments))


def listed(store: OpenStore, capsys: pytest.CaptureFixture[str], *options: str) -> list[list[str]]:
    capsys.readouterr()
    assert now(list_tokens(store, parser().parse_args(["token", "list", "x.yml", *options]))) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_a_token_is_made_listed_and_revoked(store: OpenStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert made(store, "--user", "alice", "--scope", "other:pull", "--expires", "1h") == 0
    secret = capsys.readouterr().out.strip()
    machines: MachineTokens = machine_tokens(store.driver)
    found = now(machines.find(secret))
    assert found is not None
    assert (found.user, found.name, found.expires - found.created) == ("alice", "ci", 3600.0)
    [line] = listed(store, capsys)
    assert [line[0], line[1], line[2], *line[4:]] == [found.id, "alice", "ci", "library/**:pull,push", "other:pull"]
    assert listed(store, capsys, "--user", "bob") == []
    arguments = parser().parse_args(["token", "revoke", "x.yml", found.id])
    assert now(revoke_token(store, arguments)) == 0
    assert now(machines.find(secret)) is None
    assert listed(store, capsys) == []
    assert now(revoke_token(store, arguments)) == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--user", "bob"),
        ("--user", "alice", "--expires", "soon"),
        ("--user", "alice", "--expires", "0s"),
        ("--user", "alice", "--scope", "x:list"),
    ],
)
def test_what_cannot_be_made_is_told(
    store: OpenStore, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert made(store, *options) == 1
    said = capsys.readouterr()
    assert said.err.startswith("txregistry: ")
    assert said.out == ""


def test_where_tokens_are_not_switched_on_none_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yml"
    path.write_text(CONFIG.format(folder=tmp_path, tokens=""))
    assert run(parser().parse_args(["token", "list", str(path)]), {}) == 1
    assert "txregistry.tokens" in capsys.readouterr().err
