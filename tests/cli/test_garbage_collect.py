"""Collecting by hand, with a server running or without."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from tests.registry.world import APP, LATEST, OTHER, World, now
from txregistry.cli.garbage_collect import Options, garbage_collect
from txregistry.cli.main import parser
from txregistry.cli.store import OpenStore
from txregistry.config.load import load_text
from txregistry.oci.digest import Digest
from txregistry.registry.collection.adoption import Adoption
from txregistry.registry.servers import Servers, Serving
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound

DAY = 86400
Run = Callable[..., str]


class Store(World):
    """A store that is ours, unless it is said to be foreign, with something in it that nobody needs."""

    def __init__(self, own: str = "{}", foreign: bool = False) -> None:
        super().__init__()
        self.clock.advance(100 * DAY)
        if not foreign:
            now(Adoption(self.driver).adopt())
        configuration = load_text(
            f"version: 0.1\nstorage: filesystem\ntxregistry: {{collection: {own}}}\n", "config.yml", {}
        ).configuration
        self.opened = OpenStore(configuration, self.driver, self.registry, self.clock)
        self.push_image()
        self.unused = self.push_blob(b"unused")

    def run(self, **options: object) -> int:
        return now(garbage_collect(self.opened, Options(**options)))  # type: ignore[arg-type]  # as the test says

    def serve(self) -> Serving:
        return now(Servers(self.driver, self.clock).begin())

    def stored(self, digest: Digest) -> bool:
        return self.is_there(layout.blob_data(digest)) or self.is_there(layout.trashed(layout.blob_data(digest)))

    def is_there(self, path: str) -> bool:
        try:
            now(self.driver.stat(path))
        except PathNotFound:
            return False
        return True


def test_without_a_server_everything_goes_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    assert store.run() == 0
    assert not store.stored(store.unused)
    assert now(store.registry.manifests.get(APP, LATEST))
    assert capsys.readouterr().out.splitlines() == [
        "Looked at 1 repository, 1 manifest and 4 blobs.",
        "Removed 2 files of 77 bytes.",
    ]
    assert store.driver.open == []


def test_beside_a_server_the_configured_graces_hold(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    serving = store.serve()
    assert store.run() == 0
    assert now(store.registry.blobs.claim(APP, store.unused)) is not None
    out = capsys.readouterr().out
    assert re.search(r"^1 file of 71 bytes waits, the last until ....-..-.. ..:..:.. .....\.$", out, re.MULTILINE)
    store.clock.advance(DAY + 1)
    assert store.run() == 0
    assert "Moved 2 files of 77 bytes to the trash.\n" in capsys.readouterr().out
    assert store.stored(store.unused)
    store.clock.advance(DAY + 1)
    assert store.run() == 0
    assert "Removed 2 files of 77 bytes.\n" in capsys.readouterr().out
    assert not store.stored(store.unused)
    now(serving.end())


def test_a_server_that_comes_meanwhile_makes_the_graces_hold(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    began: list[Serving] = []
    marked = store.registry.collector.marked

    async def a_server_comes() -> None:
        store.registry.collector.marked = marked
        now(store.driver.write(f"{layout.server('00ff')}/lock", b""))
        lock = now(store.driver.lock(layout.server("00ff")))
        began.append(Serving(store.driver, layout.server("00ff"), lock))
        store.clock.advance(1)

    store.registry.collector.marked = a_server_comes
    assert store.run() == 0
    assert len(began) == 1
    assert store.is_there(layout.blob_data(store.unused))
    told = capsys.readouterr()
    assert told.err.startswith("A server has started")
    assert " to the trash" not in told.out
    now(began[0].end())
    assert store.driver.open == []


def test_a_dry_run_tells_the_same_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    assert store.run(dry_run=True) == 0
    assert now(store.registry.blobs.claim(APP, store.unused)) is not None
    assert "Would have removed 2 files of 77 bytes.\n" in capsys.readouterr().out


def test_untagged_manifests_go_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    untagged, _ = store.push_image(OTHER, tag=None, salt="untagged")
    assert store.run() == 0
    assert store.stored(untagged)
    capsys.readouterr()
    assert store.run(delete_untagged=True) == 0
    assert not store.stored(untagged)
    out = capsys.readouterr().out
    assert "Let 1 untagged manifest go.\n" in out
    assert "Removed 1 empty repository.\n" in out


def test_untagged_manifests_go_where_the_server_removes_them_too() -> None:
    store = Store("{deleteuntagged: true}")
    untagged, _ = store.push_image(OTHER, tag=None, salt="untagged")
    assert store.run() == 0
    assert not store.stored(untagged)


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert Store().run(quiet=True) == 0
    assert capsys.readouterr() == ("", "")


def test_of_a_foreign_store_it_only_reports_and_tells_how_to_adopt_it(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(foreign=True)
    assert store.run() == 0
    assert now(store.registry.blobs.claim(APP, store.unused)) is not None
    out = capsys.readouterr().out
    assert "Would have removed 2 files" in out
    assert "txregistry adopt CONFIG" in out


def test_a_foreign_store_is_collected_where_that_is_written_out() -> None:
    store = Store("{enabled: true}", foreign=True)
    assert store.run() == 0
    assert not store.stored(store.unused)


def test_the_graces_can_be_given_where_no_server_is() -> None:
    store = Store()
    store.clock.advance(100)
    assert store.run(grace=200.0) == 0
    assert store.is_there(layout.blob_data(store.unused))
    assert store.run(grace=50.0, trash=60.0) == 0
    assert store.is_there(layout.trashed(layout.blob_data(store.unused)))
    store.clock.advance(100)
    assert store.run(grace=50.0, trash=60.0) == 0
    assert not store.stored(store.unused)


@pytest.mark.parametrize("option", ["grace", "trash"])
def test_graces_that_would_break_clients_of_a_server_are_refused(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store()
    serving = store.serve()
    assert store.run(**{option: 3600.0}) == 1
    assert capsys.readouterr().err == (
        f"txregistry: --{option} 1h is not safe while a server serves this store, "
        "whose clients count on 24h: stop it first\n"
    )
    assert store.run(**{option: 2.0 * DAY}) == 0
    now(serving.end())


def test_two_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    now(store.driver.write(f"{layout.COLLECTION}/lock", b""))
    lock = now(store.driver.lock(layout.COLLECTION))
    assert store.run() == 1
    assert capsys.readouterr().err == "txregistry: another collection is running\n"
    lock.release()
    assert store.driver.open == []


def test_a_manifest_that_cannot_be_read_ends_it_before_anything_goes(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    digest, _ = store.push_image(OTHER, salt="damaged")
    now(store.driver.write(layout.blob_data(digest), b"{damaged"))
    assert store.run() == 1
    assert store.is_there(layout.blob_data(store.unused))
    err = capsys.readouterr().err
    assert err.startswith(f"txregistry: the manifest {digest} in {OTHER} cannot be read")


class Terminal(io.StringIO):
    """Somebody looks."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    store = Store()
    store.push_image(OTHER)
    assert store.run() == 0
    assert "of 2 repositories" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_quiet_terminal_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert Store().run(quiet=True) == 0
    assert terminal.getvalue() == ""


def test_the_flags_are_those_of_distribution() -> None:
    for flags in (["-d", "-m", "-q"], ["--dry-run", "--delete-untagged", "--quiet"], []):
        parsed = parser().parse_args(["garbage-collect", *flags, "config.yml", "--grace", "1h30m"])
        assert (parsed.dry_run, parsed.delete_untagged, parsed.quiet) == (bool(flags),) * 3
        assert (parsed.config, parsed.grace, parsed.trash) == ("config.yml", 5400.0, None)


@pytest.mark.parametrize("value", ["soon", "-1s", "5"])
def test_what_is_no_duration_is_wrong_usage(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["garbage-collect", f"--grace={value}"])
    assert ended.value.code == 2
    assert "--grace" in capsys.readouterr().err
