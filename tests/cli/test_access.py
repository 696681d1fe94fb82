"""Explaining what the rules decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from txregistry.cli.main import main

RULES = """\
version: 0.1
storage: inmemory
txregistry:
  access:
    groups: {dev: [alice]}
    admins: {users: [root]}
    repositories:
      'team/**': {anonymous: [pull], groups: {dev: [push]}}
"""


def explained(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, *arguments: str) -> tuple[int, str]:
    path = tmp_path / "config.yml"
    path.write_text(text)
    status = main(["access", "explain", str(path), *arguments])
    return status, capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("alice", "team/app", "push"), 0, "allowed: the pattern team/** decides; the right is that of group dev"),
        (("-", "team/app", "pull"), 0, "allowed: the pattern team/** decides; the right is that of anonymous"),
        (("bob", "team/app", "push"), 1, "denied: the pattern team/** decides, and gives no such right"),
        (
            ("bob", "team/app", "push", "--group", "dev"),
            0,
            "allowed: the pattern team/** decides; the right is that of group dev",
        ),
        (("bob", "other", "pull"), 1, "denied: no pattern matches"),
        (("root", "other", "delete"), 0, "allowed: no pattern matches; the right is that of an administrator"),
    ],
)
def test_the_rule_that_decides_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, words: str
) -> None:
    assert explained(tmp_path, capsys, RULES, *arguments) == (status, words)


def test_without_rules_it_depends_on_signing_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = "version: 0.1\nstorage: inmemory\n"
    assert explained(tmp_path, capsys, base, "-", "a", "push")[0] == 0
    closed = base + "auth: {htpasswd: {realm: r, path: /htpasswd}}\n"
    assert explained(tmp_path, capsys, closed, "-", "a", "push")[0] == 1
    assert explained(tmp_path, capsys, closed, "alice", "a", "push")[0] == 0


def test_what_cannot_be_answered_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(tmp_path, capsys, RULES, "alice", "Team", "push")[0] == 2
    assert explained(tmp_path, capsys, "nothing", "alice", "team", "push")[0] == 2
