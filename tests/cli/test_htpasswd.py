"""Making and checking entries of a password file."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path

import pytest

from tests.auth.files import entry
from txregistry.auth.passwords import matches, read_passwords
from txregistry.cli.main import main


class Input(io.TextIOWrapper):
    """Standard input that is no terminal."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))


def htpasswd(monkeypatch: pytest.MonkeyPatch, password: bytes, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", Input(password))
    return main(["htpasswd", "--cost", "4", *arguments])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "htpasswd"


def test_a_file_is_made_that_only_its_owner_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert htpasswd(monkeypatch, b"secret\n", str(path), "alice") == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert matches(b"secret", read_passwords(str(path)).hash_of("alice"))


def test_an_entry_is_replaced_and_the_rest_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = entry("bob", "builder")
    path.write_text(f"# users\n{entry('alice', 'old')}{bob}plain:text")
    path.chmod(0o640)
    assert htpasswd(monkeypatch, b"new", str(path), "alice") == 0
    lines = path.read_text().splitlines(keepends=True)
    assert lines[:3] == ["# users\n", bob, "plain:text\n"]
    assert len(lines) == 4
    assert matches(b"new", read_passwords(str(path)).hash_of("alice"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [child.name for child in path.parent.iterdir()] == ["htpasswd"]


def test_a_password_is_checked(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(entry("alice", "wonderland"))
    assert htpasswd(monkeypatch, b"wonderland\n", "--check", str(path), "alice") == 0
    assert htpasswd(monkeypatch, b"looking-glass\n", "--check", str(path), "alice") == 1
    assert htpasswd(monkeypatch, b"wonderland\n", "--check", str(path), "bob") == 1
    assert htpasswd(monkeypatch, b"x", "--check", str(path.parent / "missing"), "bob") == 1
    assert "wonderland" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("user", ["", "a:b", "a\nb"])
def test_a_name_that_would_break_the_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    assert htpasswd(monkeypatch, b"secret", str(path), user) == 1
    assert not path.exists()


@pytest.mark.parametrize("password", [b"", b"x" * 73])
def test_a_password_of_which_not_all_would_count_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, password: bytes
) -> None:
    assert htpasswd(monkeypatch, password, str(path), "alice") == 1
    assert not path.exists()
