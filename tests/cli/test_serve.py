import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.daemon.process import SERVE, Client, Process, configured, run

pytestmark = pytest.mark.live

# What systemd does before it starts a service that has a socket unit.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="http")
os.execv(sys.argv[2], sys.argv[2:])
"""
REQUEST = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"


def begin_upload(client: Client, size: int) -> str:
    """Begin a PATCH that will have so many bytes; returns the path of its session."""
    client.send(b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    [location] = [line for line in client.answer().splitlines() if line.lower().startswith("location: ")]
    path = location.partition(": ")[2]
    client.send(f"PATCH {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n\r\n".encode())
    assert client.answer() == "HTTP/1.1 100 Continue"
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_a_signal_comes_and_ends_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    with Process([*SERVE, configured(tmp_path)], tmp_path) as server:
        with Client(server.port()) as client:
            client.send(REQUEST)
            assert client.answer().startswith("HTTP/1.1 200 OK")
            server.signal(number)
            assert server.status() == 0
        assert "Traceback" not in server.log
        assert '"GET /v2/ HTTP/1.1" 200 2 "-" "-"' in server.stdout


def test_it_can_be_started_again_at_once_on_the_same_port(tmp_path: Path) -> None:
    with Process([*SERVE, configured(tmp_path)], tmp_path) as first:
        port = first.port()
        with Client(port) as client:
            client.send(REQUEST)
            client.answer()
            first.signal(signal.SIGTERM)
            assert first.status() == 0
            # The old connection's address is still in use (TIME_WAIT): it was the server that closed it.
            with Process([*SERVE, configured(tmp_path, addr=f"127.0.0.1:{port}")], tmp_path) as second:
                assert second.port() == port


def test_a_request_in_flight_is_finished_within_the_drain_timeout(tmp_path: Path) -> None:
    with Process([*SERVE, configured(tmp_path, "  draintimeout: 20s\n")], tmp_path) as server:
        with Client(server.port()) as client:
            begin_upload(client, 8)
            client.send(b"half")
            server.signal(signal.SIGTERM)
            server.read_until("Port [0-9]+ Closed")
            client.send(b"half")
            head = client.answer()
            assert head.startswith("HTTP/1.1 202 Accepted")
            assert "connection: close" in head.lower()
        assert server.status() == 0
        assert '"PATCH /v2/a/blobs/uploads/' in server.stdout


def test_without_a_drain_timeout_it_stops_at_once_and_keeps_what_came(tmp_path: Path) -> None:
    with Process([*SERVE, configured(tmp_path)], tmp_path) as server, Client(server.port()) as client:
        path = begin_upload(client, 8)
        client.send(b"half")
        # The bytes are on their way; once a later request is answered, they have come.
        with Client(server.port()) as other:
            other.send(REQUEST)
            other.answer()
        server.signal(signal.SIGTERM)
        assert client.closed()
        assert server.status() == 0
    with Process([*SERVE, configured(tmp_path)], tmp_path) as again, Client(again.port()) as client:
        client.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert "range: 0-3" in client.answer().lower()


def test_a_second_signal_does_not_wait_for_requests(tmp_path: Path) -> None:
    with (
        Process([*SERVE, configured(tmp_path, "  draintimeout: 1h\n")], tmp_path) as server,
        Client(server.port()) as client,
    ):
        begin_upload(client, 8)
        server.signal(signal.SIGTERM)
        server.read_until("msg=stopping ")
        server.signal(signal.SIGTERM)
        assert client.closed()
        assert server.status() == 0


def test_a_busy_port_is_one_line_and_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        addr = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run([*SERVE, configured(tmp_path, addr=addr)], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"txregistry: cannot listen on {addr}: Address already in use\n"


def test_a_folder_that_cannot_be_written_is_one_line_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    done = run([*SERVE, configured(tmp_path)], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"txregistry: cannot use the storage folder {tmp_path}/data: File exists\n"


def test_a_bad_configuration_tells_every_mistake_and_ends_with_status_1(tmp_path: Path) -> None:
    path = configured(tmp_path, "  net: carrier-pigeon\nlog:\n  level: loud\n")
    done = run([*SERVE, path], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert any(line.startswith(f"txregistry: {path}:7: http.net: ") for line in lines)
    assert any(line.startswith(f"txregistry: {path}:9: log.level: ") for line in lines)


def test_a_certificate_that_is_not_there_is_one_line_and_status_1(tmp_path: Path) -> None:
    path = configured(tmp_path, f"  tls:\n    certificate: {tmp_path}/no.crt\n    key: {tmp_path}/no.key\n")
    done = run([*SERVE, path], tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("txregistry: ")
    assert f"{tmp_path}/no.crt" in line


def test_an_address_open_to_others_without_authentication_is_warned_of(tmp_path: Path) -> None:
    with Process([*SERVE, configured(tmp_path, addr=":0")], tmp_path) as server:
        server.read_until('level=warning msg="anybody who can reach the address may push and delete"')


def test_who_declares_that_everybody_is_welcome_is_not_warned(tmp_path: Path) -> None:
    with Process([*SERVE, configured(tmp_path, "auth: none\n", addr=":0")], tmp_path) as server:
        server.read_until("msg=listening")
        server.signal(signal.SIGTERM)
        assert server.status() == 0
        assert "level=warning" not in server.log


def test_an_address_of_this_machine_is_not_warned_of(tmp_path: Path) -> None:
    with Process([*SERVE, configured(tmp_path)], tmp_path) as server:
        server.port()
        server.signal(signal.SIGTERM)
        assert server.status() == 0
        assert "level=warning" not in server.log


def test_log_level_and_formatter_are_those_of_the_configuration(tmp_path: Path) -> None:
    more = "log:\n  formatter: json\n  fields:\n    service: registry\n"
    with Process([*SERVE, configured(tmp_path, more)], tmp_path) as server:
        server.read_until(r'\{"service":"registry","time":"[^"]+","level":"info","msg":"listening",')


def test_a_disabled_access_log_writes_nothing(tmp_path: Path) -> None:
    with Process([*SERVE, configured(tmp_path, "log:\n  accesslog:\n    disabled: true\n")], tmp_path) as server:
        with Client(server.port()) as client:
            client.send(REQUEST)
            client.answer()
        server.signal(signal.SIGTERM)
        assert server.status() == 0
        assert server.stdout == ""


def test_systemd_hears_that_it_is_ready_and_that_it_stops(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(30)
        with Process([*SERVE, configured(tmp_path)], tmp_path, {"NOTIFY_SOCKET": address}) as server:
            assert manager.recv(99) == b"READY=1"
            server.signal(signal.SIGTERM)
            assert manager.recv(99) == b"STOPPING=1"
            assert server.status() == 0


def test_a_socket_that_systemd_has_opened_is_served(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port, descriptor = opened.getsockname()[1], opened.fileno()
        # The address of the configuration is taken; nobody looks at it.
        path = configured(tmp_path, addr=f"127.0.0.1:{port}")
        command = [sys.executable, "-c", ACTIVATE, str(descriptor), *SERVE, path]
        with Process(command, tmp_path, inherit=(descriptor,)) as server, Client(port) as client:
            client.send(REQUEST)
            assert client.answer().startswith("HTTP/1.1 200 OK")
            server.signal(signal.SIGTERM)
            assert server.status() == 0


def test_a_unix_socket_is_served_and_removed(tmp_path: Path) -> None:
    address = str(tmp_path / "registry.sock")
    with Process([*SERVE, configured(tmp_path, "  net: unix\n", addr=address)], tmp_path) as server:
        server.read_until(f"address={address}")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(address)
            client.sendall(REQUEST)
            assert client.recv(12) == b"HTTP/1.1 200"
        server.signal(signal.SIGTERM)
        assert server.status() == 0
        assert not (tmp_path / "registry.sock").exists()
        assert server.stdout.startswith("- - - [")
