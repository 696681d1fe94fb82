import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.daemon.process import LIMIT, ROOT, TWISTD, Client, Process, configured, environment, run

pytestmark = pytest.mark.live

FOREGROUND = (*TWISTD, "--nodaemon", "--pidfile=", "registry", "--config")
BACKGROUND = (*TWISTD, "--pidfile=twistd.pid", "registry", "--config")


def wait_for_end(pid: int) -> None:
    """Of a process that is not our child."""
    descriptor = os.pidfd_open(pid)
    try:
        ended, _, _ = select.select([descriptor], [], [], LIMIT)
        assert ended, f"process {pid} does not end"
    finally:
        os.close(descriptor)


def test_in_the_foreground_it_answers_and_ends_with_status_0(tmp_path: Path) -> None:
    with Process([*FOREGROUND, configured(tmp_path)], tmp_path) as server:
        with Client(server.port()) as client:
            client.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.answer().startswith("HTTP/1.1 200 OK")
        server.signal(signal.SIGTERM)
        assert server.status() == 0
        assert "level=info msg=listening" in server.log
        assert "Traceback" not in server.log
        assert '"GET /v2/ HTTP/1.1" 200' in server.stdout


def answer(address: str) -> None:
    """Wait until the server at an address of the log answers: until then the reactor's own handlers may be in place."""
    with Client(int(address.rpartition(":")[2])) as client:
        client.send(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.answer().startswith("HTTP/1.1 200 OK")


def test_in_the_background_it_answers_and_logs_to_files(tmp_path: Path) -> None:
    done = run([*BACKGROUND, configured(tmp_path)], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid = int((tmp_path / "twistd.pid").read_text())
    try:
        listening = re.search(r"address=(\S+)", (tmp_path / "twistd.log").read_text())
        assert listening
        answer(listening[1])
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid)
    assert '"GET /v2/ HTTP/1.1" 200' in (tmp_path / "access.log").read_text()
    assert not (tmp_path / "twistd.pid").exists()


@pytest.mark.parametrize("command", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
def test_a_busy_port_is_one_line_and_status_1(tmp_path: Path, command: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        addr = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run([*command, configured(tmp_path, addr=addr)], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"txregistry: cannot listen on {addr}: Address already in use\n"
    assert not (tmp_path / "twistd.pid").exists()


@pytest.mark.parametrize("command", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
def test_a_folder_that_cannot_be_used_is_one_line_and_status_1(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "data").write_bytes(b"")
    done = run([*command, configured(tmp_path)], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"txregistry: cannot use the storage folder {tmp_path}/data: File exists\n"


def test_a_bad_configuration_tells_its_mistakes_and_ends_with_status_1(tmp_path: Path) -> None:
    path = configured(tmp_path, "log:\n  level: loud\n  formatter: pretty\n")
    done = run([*FOREGROUND, path], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split(": ")[:3] for line in done.stderr.splitlines()] == [
        ["txregistry", f"{path}:8", "log.level"],
        ["txregistry", f"{path}:9", "log.formatter"],
    ]


def test_twistds_own_log_file_is_written_in_the_configured_form(tmp_path: Path) -> None:
    command = [*TWISTD, "--pidfile=twistd.pid", "--logfile=own.log", "registry", "--config"]
    done = run([*command, configured(tmp_path, "log:\n  formatter: json\n")], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    pid = int((tmp_path / "twistd.pid").read_text())
    try:
        [listening] = [event for event in events(tmp_path) if event["msg"] == "listening"]
        answer(listening["address"])
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid)
    messages = [event["msg"] for event in events(tmp_path)]
    assert messages.index("listening") < messages.index("stopping") < messages.index("stopped")


def events(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "own.log").read_text().splitlines()]


def test_twistd_finds_the_plugin_and_the_command_of_an_installed_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("txregistry", "twisted"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    [site] = (tmp_path / "venv/lib").glob("python*/site-packages")
    # The dependencies are those of this interpreter; only the package itself is new.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", str(source)]
    done = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    where = {**environment(), "PYTHONPATH": ""}

    twistd = [python, "-c", "from twisted.scripts.twistd import run; run()", "--help"]
    help = subprocess.run(twistd, cwd=tmp_path, env=where, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^\s+registry\s+A container registry\.$", help, re.MULTILINE)

    command = [str(tmp_path / "venv/bin/txregistry"), "--version"]
    version = subprocess.run(command, cwd=tmp_path, env=where, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"txregistry \d+\.\d+\.\d+\n", version)
