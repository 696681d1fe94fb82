"""`txregistry fsck`: its options, its report and its exit status."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.daemon.process import LIMIT, ROOT, configured, environment, run
from txregistry.cli.findings import as_json, as_text, printable
from txregistry.cli.progress import Bar
from txregistry.oci.digest import Digest
from txregistry.registry.checking.findings import Checked, Finding, Kind

FSCK = (sys.executable, "-c", "import sys; from txregistry.cli.main import main; sys.exit(main())", "fsck")
CONTENT = b"content"
DIGEST = Digest.of(CONTENT)
DATA = f"docker/registry/v2/blobs/sha256/{DIGEST.hex[:2]}/{DIGEST.hex}/data"
LINK = f"docker/registry/v2/repositories/library/app/_layers/sha256/{DIGEST.hex}/link"


def stored(folder: Path, content: bytes = CONTENT) -> Path:
    """A store with one blob, as another registry may have written it."""
    root = folder / "data"
    for path, data in ((DATA, content), (LINK, str(DIGEST).encode())):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(data)
    return root


def fsck(folder: Path, *options: str, more: str = "") -> CompletedProcess[str]:
    """Run it over that store."""
    return run([*FSCK, configured(folder, more), *options], folder)


@pytest.mark.live
def test_a_good_store_ends_with_0_and_is_left_as_it_was(tmp_path: Path) -> None:
    root = stored(tmp_path)
    before = sorted(root.rglob("*"))
    done = fsck(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("checked 1 blobs (7 bytes), 1 repositories")
    assert sorted(root.rglob("*")) == before
    assert fsck(tmp_path, "--quiet").stdout == ""


@pytest.mark.live
def test_a_damaged_store_ends_with_1_and_says_where_and_what_to_do(tmp_path: Path) -> None:
    stored(tmp_path, b"conten7")
    done = fsck(tmp_path, "--rate", "100")
    assert done.returncode == 1
    assert "damaged-blob (1): put it aside with --repair" in done.stdout
    assert f"  {DATA}: its 7 bytes have the digest sha256:" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.live
def test_a_repair_moves_the_damaged_file_and_tells_in_json(tmp_path: Path) -> None:
    root = stored(tmp_path, b"conten7")
    done = fsck(tmp_path, "--repair", "--json", "--quiet")
    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    assert [(entry["kind"], entry["path"], entry["repaired"]) for entry in report["findings"]] == [
        ("damaged-blob", DATA, True),
        ("dangling-link", LINK, False),
    ]
    assert report["checked"]["blobs"] == 1
    assert not (root / DATA).exists()
    [aside] = root.glob("docker/registry/v2/_txregistry/quarantine/*/blobs/sha256/*/*/data")
    assert aside.read_bytes() == b"conten7"


@pytest.mark.live
def test_names_of_any_bytes_are_reported(tmp_path: Path) -> None:
    root = stored(tmp_path)
    os.makedirs(os.fsencode(root) + b"/docker/registry/v2/repositories/\xff\x1b[31m/_layers/sha256")
    done = fsck(tmp_path)
    assert done.returncode == 1
    assert "repositories/\\udcff\\x1b[31m: not the name of a repository" in done.stdout
    assert json.loads(fsck(tmp_path, "--json").stdout)["findings"][0]["kind"] == "malformed-name"


@pytest.mark.live
@pytest.mark.parametrize(
    ("options", "more", "reason"),
    [
        ((), "nonsense: [", "error: "),
        (("--rate", "0"), "", "must be a number of MiB above 0"),
        (("--rate", "fast"), "", "must be a number of MiB above 0"),
        (("--unknown",), "", "unrecognized arguments"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, options: tuple[str, ...], more: str, reason: str) -> None:
    stored(tmp_path)
    done = fsck(tmp_path, *options, more=more)
    assert done.returncode == 2
    assert reason in done.stderr


@pytest.mark.live
def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = fsck(tmp_path)
    assert done.returncode == 2
    assert f"there is no folder {tmp_path}/data" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.live
def test_a_read_only_store_is_checked_and_not_repaired(tmp_path: Path) -> None:
    root = stored(tmp_path, b"conten7")
    config = tmp_path / "config.yml"
    config.write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {root}\n"
        "  maintenance:\n    readonly:\n      enabled: true\n"
    )
    assert run([*FSCK, str(config)], tmp_path).returncode == 1
    done = run([*FSCK, str(config), "--repair"], tmp_path)
    assert done.returncode == 2
    assert "readonly" in done.stderr
    assert (root / DATA).exists()


@pytest.mark.live
def test_a_bar_is_drawn_on_a_terminal_alone(tmp_path: Path) -> None:
    stored(tmp_path)
    config = configured(tmp_path)
    for options, drawn in (((), True), (("--quiet",), False)):
        ours, theirs = pty.openpty()
        with subprocess.Popen([*FSCK, config, *options], cwd=ROOT, env=environment(), stderr=theirs) as process:
            os.close(theirs)
            seen = b""
            # Reading fails when the last user of the terminal has ended.
            with suppress(OSError):
                while piece := os.read(ours, 4096):
                    seen += piece
            os.close(ours)
            assert process.wait(LIMIT) == 0
        assert (b"\r\x1b[K" in seen) is drawn


@pytest.mark.live
def test_an_interrupted_check_ends_at_once_and_leaves_its_bar_behind(tmp_path: Path) -> None:
    content = b"x" * 2_000_000
    stored(tmp_path, content)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*FSCK, configured(tmp_path), "--rate", "0.001"], cwd=ROOT, env=environment(), stderr=theirs
    ) as process:
        os.close(theirs)
        seen = os.read(ours, 4096)  # It has begun: at this rate it would take half an hour.
        process.send_signal(signal.SIGINT)
        with suppress(OSError):
            while piece := os.read(ours, 4096):
                seen += piece
        os.close(ours)
        assert process.wait(LIMIT) == 130
    assert seen.endswith(b"\r\x1b[Ktxregistry fsck: interrupted\r\n")


def test_the_report_tells_harm_first_with_a_paragraph_for_each_kind() -> None:
    found = [
        Finding(Kind.EMPTY_FOLDER, "a", "nothing is in it", repaired=True),
        Finding(Kind.WRONG_REFERRER, "b", "is not what its manifest says", "app", str(DIGEST), repaired=True),
        Finding(Kind.DAMAGED_BLOB, "c\n", "x"),
    ]
    text = as_text(found, Checked(bytes=3 * 1024**3), colours=False)
    assert [line.split(" ")[0] for line in text.splitlines() if "): " in line] == [
        "damaged-blob",
        "wrong-referrer",
        "empty-folder",
    ]
    assert "  c\\n: x\n" in text
    assert "  a: nothing is in it (removed)\n" in text
    assert "  b: is not what its manifest says (written anew)\n" in text
    assert text.endswith("0 uploads: 3 findings, 2 repaired\n")
    assert "(3.0 GiB)" in text
    assert "\x1b[31mdamaged-blob\x1b[0m" in as_text(found, Checked(), colours=True)


def test_the_json_names_repository_and_digest_where_there_are_any() -> None:
    found = [
        Finding(Kind.STALE_REFERRER, "b", "its manifest is gone", "app", str(DIGEST)),
        Finding(Kind.STRAY, "s", "no"),
    ]
    first, second = json.loads(as_json(found, Checked(blobs=2)))["findings"]
    assert first == {
        "kind": "stale-referrer",
        "harm": False,
        "path": "b",
        "detail": "its manifest is gone",
        "repaired": False,
        "repository": "app",
        "digest": str(DIGEST),
    }
    assert second.keys() == {"kind", "harm", "path", "detail", "repaired"}


def test_each_kind_has_a_name_of_its_own_and_says_what_to_do() -> None:
    assert len({kind.label for kind in Kind}) == len(list(Kind))
    assert all(kind.advice for kind in Kind)


def test_what_could_move_the_cursor_is_written_out() -> None:
    assert printable("a\x1b[2J\u202eé") == "a\\x1b[2J\\u202eé"


def test_the_bar_tells_part_rate_and_time_left() -> None:
    seconds = [0.0]
    stream = io.StringIO()
    bar = Bar(stream, lambda: seconds[0], total=100 * 1024**2)
    bar.draw("0 blobs", 0)
    seconds[0] = 10.0
    bar.draw("5 blobs", 20 * 1024**2)
    assert stream.getvalue().endswith("5 blobs  [#####...................]  20%  2.0 MiB/s  0:40 left")
    seconds[0] = 20.0
    bar.draw("9 blobs", 200 * 1024**2)
    assert "100%" in stream.getvalue().rpartition("\r")[2]
    bar.clear()
    assert stream.getvalue().endswith("\r\x1b[K")
