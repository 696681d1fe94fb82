"""A parent and its workers as processes: how they are started, where they listen, and what they log."""

import http.client
import os
import re
import signal
import socket
import ssl
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.auth.files import basic_header, entry
from tests.cli.test_serve import ACTIVATE
from tests.daemon.process import LIMIT, SERVE, TWISTD, Client, Process, configured, run
from tests.daemon.test_twistd import BACKGROUND, FOREGROUND, wait_for_end
from tests.live.support.certificates import make_certificates
from tests.live.support.waiting import eventually

pytestmark = pytest.mark.live

TWO = "txregistry:\n  workers: 2\n"
NOBODY = 65534
REQUEST = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"


def asked(port: int, times: int = 1) -> None:
    for _ in range(times):
        with Client(port) as client:
            client.send(REQUEST)
            assert client.answer().startswith("HTTP/1.1 200 OK")


def pids(log: str) -> list[int]:
    return [int(pid) for pid in re.findall(r'msg="worker answers".* pid=(\d+)', log)]


@pytest.mark.parametrize("command", [SERVE, FOREGROUND], ids=["serve", "twistd"])
def test_in_the_foreground_workers_log_through_their_parent(tmp_path: Path, command: tuple[str, ...]) -> None:
    with Process([*command, configured(tmp_path, TWO)], tmp_path) as server:
        port = server.port()
        server.read_until('worker answers(?s:.*)msg="worker answers"')
        asked(port, times=10)
        server.signal(signal.SIGTERM)
        assert server.status() == 0
    assert server.stdout.count('"GET /v2/ HTTP/1.1" 200') == 10
    stopped = re.findall(r"msg=stopped .*worker=(\d)$", server.log, re.MULTILINE)
    assert sorted(stopped) == ["1", "2"]
    assert server.log.index("msg=stopping") < server.log.index("msg=stopped") < server.log.index('msg="all stopped"')
    assert "Traceback" not in server.log


def test_in_the_background_the_pid_file_is_the_parents_and_all_log_to_one_file(tmp_path: Path) -> None:
    done = run([*BACKGROUND, configured(tmp_path, TWO)], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    parent = int((tmp_path / "twistd.pid").read_text())
    try:
        log = (tmp_path / "twistd.log").read_text
        listening = re.search(r"address=127\.0\.0\.1:(\d+)", log())
        assert listening
        asked(int(listening[1]), times=4)
        eventually(lambda: len(pids(log())) == 2)
    finally:
        os.kill(parent, signal.SIGTERM)
        wait_for_end(parent)
    assert not (tmp_path / "twistd.pid").exists()
    assert (tmp_path / "access.log").read_text().count("GET /v2/") == 4
    assert len({*pids(log()), parent}) == 3
    assert log().count("msg=stopped") == 2


def test_a_worker_that_comes_later_needs_nothing_from_outside_of_the_new_root_folder(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can change the root folder")
    certificates = make_certificates(tmp_path / "certificates", "localhost")
    tls = f"  tls: {{certificate: {certificates.certificate}, key: {certificates.key}}}\n"
    jail = tmp_path / "jail"
    (jail / str(tmp_path / "data").lstrip("/")).mkdir(parents=True)
    command = [*TWISTD, "--nodaemon", "--pidfile=", f"--chroot={jail}", "registry", "--config"]
    with Process([*command, configured(tmp_path, tls + TWO)], tmp_path) as server:
        port = server.port()
        server.read_until('worker answers(?s:.*)msg="worker answers"')
        for pid in pids(server.log):
            os.kill(pid, signal.SIGKILL)
        server.read_until("(?s:(worker answers.*){4})")
        trusting = ssl.create_default_context(cafile=str(certificates.authority))
        with closing(http.client.HTTPSConnection("localhost", port, timeout=LIMIT, context=trusting)) as client:
            client.request("POST", "/v2/a/blobs/uploads/", headers={"Content-Length": "0"})
            assert client.getresponse().status == 202
        server.signal(signal.SIGTERM)
        assert server.status() == 0
    assert list(jail.rglob("_uploads"))


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_made_at_the_start_belongs_to_the_user_that_the_server_becomes(workers: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with TemporaryDirectory() as name:
        # Folders of pytest are for their owner alone.
        folder = Path(name)
        for path in (folder, folder / "data"):
            path.mkdir(exist_ok=True)
            path.chmod(0o755)
            os.chown(path, NOBODY, NOBODY)
        (folder / "htpasswd").write_text(entry("alice", "secret", cost=4))
        own = f"txregistry: {{workers: {workers}, tokens: {{service: s}}}}\n"
        auth = f"auth: {{htpasswd: {{realm: r, path: {folder}/htpasswd}}}}\n"
        shed = ["--nodaemon", "--pidfile=", f"--uid={NOBODY}", f"--gid={NOBODY}"]
        command = [*TWISTD, *shed, "registry", "--config", configured(folder, auth + own)]
        with Process(command, folder) as server, Client(server.port()) as client:
            alice = basic_header(b"alice:secret")
            client.send(f"GET /auth/token?service=s HTTP/1.1\r\nHost: x\r\nAuthorization: {alice}\r\n\r\n".encode())
            assert client.answer().startswith("HTTP/1.1 200 OK")
        assert {path.stat().st_uid for path in (folder / "data").rglob("*")} == {NOBODY}


def test_workers_serve_a_socket_that_the_service_manager_has_opened(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        descriptor, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, "-c", ACTIVATE, str(descriptor), *SERVE, configured(tmp_path, TWO)]
        with Process(command, tmp_path, inherit=(descriptor,)) as server:
            asked(port, times=4)
            server.signal(signal.SIGTERM)
            assert server.status() == 0
        # It is the manager's, and connections wait there for the next start.
        with Client(port) as client, Process(command, tmp_path, inherit=(descriptor,)) as server:
            client.send(REQUEST)
            assert client.answer().startswith("HTTP/1.1 200 OK")


def test_a_unix_socket_is_the_parents_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.sock"
    configuration = configured(tmp_path, f"  net: unix\n{TWO}", addr=str(path))
    with Process([*SERVE, configuration], tmp_path) as server:
        server.read_until('worker answers(?s:.*)msg="worker answers"')
        os.kill(pids(server.log)[0], signal.SIGTERM)
        server.read_until("(?s:(worker answers.*){3})")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(REQUEST)
            assert client.recv(99).startswith(b"HTTP/1.1 200 OK")
        server.signal(signal.SIGTERM)
        assert server.status() == 0
    assert not path.exists()


@pytest.mark.parametrize("command", [SERVE, FOREGROUND], ids=["serve", "twistd"])
def test_a_start_that_fails_in_a_worker_ends_with_status_1(tmp_path: Path, command: tuple[str, ...]) -> None:
    # It has what the parent opens, and not what each worker opens besides.
    limited = ("prlimit", "--nofile=15", *command, configured(tmp_path, TWO))
    with Process(limited, tmp_path) as server:
        assert server.status() == 1
    assert 'msg="the start has failed: a worker ended before it answered"' in server.log


@pytest.mark.parametrize("command", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
def test_what_would_keep_workers_from_starting_is_told_by_the_parent(tmp_path: Path, command: tuple[str, ...]) -> None:
    tls = f"  tls: {{certificate: {tmp_path}/none, key: {tmp_path}/none}}\n"
    done = run([*command, configured(tmp_path, tls + TWO)], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("txregistry: ")
    assert done.stderr.count("\n") == 1
