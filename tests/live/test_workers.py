"""Several worker processes are one registry."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.auth.files import basic_header, entry
from tests.live.support.certificates import make_certificates
from tests.live.support.client import Client, digest_of, location
from tests.live.support.history import History, losses
from tests.live.support.images import make_image, make_index, write_layout
from tests.live.support.pusher import pushers
from tests.live.support.raw import read_answer
from tests.live.support.server import Server
from tests.live.support.system import host_name
from tests.live.support.tools import require, run
from tests.live.support.waiting import eventually
from tests.live.support.workers import alone, begun_patch, client_of, has_ended, workers_of

pytestmark = pytest.mark.live

HOST = "registry.txregistry.test"
OCTETS = {"Content-Type": "application/octet-stream"}
# Whoever wants a session that another request holds waits for 5 s; these clients give up sooner.
IMPATIENT = 4.0


@contextmanager
def served(
    folder: Path, more: dict[str, Any] | None = None, own: dict[str, Any] | None = None, **kind: Any
) -> Iterator[Server]:
    """A server of two workers, both of which answer."""
    settings = {"txregistry": {"workers": 2, **(own or {})}, **(more or {})}
    with Server("txregistry", folder, settings=settings, **kind) as running:
        eventually(lambda: running.log_text().count('msg="worker answers"') == 2)
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path / "server") as running:
        yield running
        assert running.defects() == []


@pytest.fixture
def both(server: Server) -> Iterator[tuple[Client, Client]]:
    """A client of each worker."""
    one, other = workers_of(server.pid)
    with client_of(server, one, IMPATIENT) as first, client_of(server, other, IMPATIENT) as second:
        yield first, second


def settle(folder: Path) -> None:
    """Let everything be as old as it has to be to be remembered."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def test_an_upload_goes_on_at_any_worker(both: tuple[Client, Client]) -> None:
    first, second = both
    content = os.urandom(3_000_000)
    upload = first.begin_upload("app")
    for client, piece in ((second, content[:1_000_000]), (first, content[1_000_000:2_000_000])):
        upload = location(client.request("PATCH", upload, piece, OCTETS, expect=202))
    second.finish_upload(upload, digest_of(content), content[2_000_000:])
    assert first.blob("app", digest_of(content)) == content
    # The usual push: one PATCH, and a PUT without a body.
    for length in (100, 5_000_000):
        content = os.urandom(length)
        upload = location(second.request("PATCH", first.begin_upload("app"), content, OCTETS, expect=202))
        first.finish_upload(upload, digest_of(content))
        assert second.blob("app", digest_of(content)) == content


def test_what_one_worker_changes_another_sees_at_once(server: Server, both: tuple[Client, Client]) -> None:
    first, second = both
    old, new = (first.push_artifact("app", tag, tag.encode()) for tag in ("old", "new"))
    settle(server.data)
    for client in both:
        assert client.manifest("app", "old").headers["Docker-Content-Digest"] == old
        assert client.tags("app") == ["new", "old"]
    first.push_manifest("app", "old", second.manifest("app", new).body)
    assert second.manifest("app", "old").headers["Docker-Content-Digest"] == new
    second.request("DELETE", "/v2/app/manifests/old", expect=202)
    assert first.request("GET", "/v2/app/manifests/old").codes == ["MANIFEST_UNKNOWN"]
    assert first.tags("app") == second.tags("app") == ["new"]
    blob = digest_of(b"old")
    for client in both:
        assert client.blob("app", blob) == b"old"
    first.request("DELETE", f"/v2/app/blobs/{blob}", expect=202)
    assert second.request("GET", f"/v2/app/blobs/{blob}").codes == ["BLOB_UNKNOWN"]
    second.request("DELETE", f"/v2/app/manifests/{old}", expect=202)
    assert first.request("GET", f"/v2/app/manifests/{old}").codes == ["MANIFEST_UNKNOWN"]
    assert first.catalog() == second.catalog() == ["app"]


def test_what_is_pushed_at_once_through_all_workers_is_all_there(server: Server) -> None:
    def push(number: int) -> None:
        with server.client() as client:
            digests[number] = client.push_artifact("app", f"tag{number}", f"content {number}".encode())

    digests: dict[int, str] = {}
    threads = [threading.Thread(target=push, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with server.client() as client:
        assert len(client.tags("app")) == 16
        for number in range(16):
            assert client.manifest("app", f"tag{number}").headers["Docker-Content-Digest"] == digests[number]


def test_users_and_access_tokens_are_the_same_at_every_worker(tmp_path: Path) -> None:
    passwords = tmp_path / "htpasswd"
    passwords.write_text(entry("alice", "first", cost=4))
    auth = {"auth": {"htpasswd": {"realm": "r", "path": str(passwords)}}}
    with served(tmp_path / "server", auth, {"tokens": {"service": "s"}}) as server, ExitStack() as stack:
        clients = [stack.enter_context(client_of(server, worker)) for worker in workers_of(server.pid)]

        def status(client: Client, credentials: str) -> int:
            header = {"Authorization": basic_header(credentials.encode())}
            return client.request("GET", "/auth/token?service=s", headers=header).status

        def all_answer(credentials: str, expected: int) -> bool:
            return [status(client, credentials) for client in clients] == [expected, expected]

        alice = {"Authorization": basic_header(b"alice:first")}
        body = json.dumps({"name": "ci", "scopes": ["app:push"], "expires_in": 3600}).encode()
        made = json.loads(clients[0].request("POST", "/v2/_txregistry/tokens", body, alice, expect=201).body)
        assert all_answer(f"ci:{made['token']}", 200)
        assert all_answer("alice:first", 200)
        # A token that one has signed is good for all.
        answer = clients[0].request(
            "GET", "/auth/token?service=s&scope=repository:app:pull,push", headers=alice, expect=200
        )
        bearer = {"Authorization": f"Bearer {json.loads(answer.body)['token']}"}
        assert clients[1].request("GET", "/v2/app/tags/list", headers=bearer).codes == ["NAME_UNKNOWN"]
        clients[1].request("DELETE", f"/v2/_txregistry/tokens/{made['id']}", b"", alice, expect=204)
        eventually(lambda: all_answer(f"ci:{made['token']}", 401))
        passwords.write_text(entry("alice", "second", cost=4))
        eventually(lambda: all_answer("alice:first", 401))
        assert all_answer("alice:second", 200)


def test_a_worker_that_is_killed_costs_its_own_connections_and_is_replaced(server: Server) -> None:
    history = History()
    first, second = workers_of(server.pid)
    with client_of(server, second) as other, pushers(server, history, seed=6) as going:
        going.set()
        eventually(lambda: len(history.acknowledged()) > 20)
        os.kill(first, signal.SIGKILL)
        for _ in range(20):
            other.request("GET", "/v2/", expect=200)
        eventually(lambda: len(workers_of(server.pid)) == 2)
        before = len(history.acknowledged())
        eventually(lambda: len(history.acknowledged()) > before + 20)
    assert second in workers_of(server.pid)
    assert first not in workers_of(server.pid)
    with server.client() as client:
        assert losses(client, history, history.acknowledged()) == []


def test_a_worker_that_dies_again_and_again_is_waited_with_while_others_serve(server: Server) -> None:
    _, other = workers_of(server.pid)
    while "worker fails again and again" not in server.log_text():
        for worker in workers_of(server.pid):
            if worker != other:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
    with server.client() as client:
        client.request("GET", "/v2/", expect=200)
    eventually(lambda: len(workers_of(server.pid)) == 2)
    assert other in workers_of(server.pid)


def test_a_worker_that_is_asked_to_stop_finishes_what_it_does_and_is_replaced_meanwhile(draining: Server) -> None:
    worker = workers_of(draining.pid)[0]
    with begin(draining, worker) as connection:
        os.kill(worker, signal.SIGTERM)
        eventually(lambda: len(workers_of(draining.pid)) == 3)
        assert finish(connection) == 202
    eventually(lambda: has_ended(worker))
    eventually(lambda: len(workers_of(draining.pid)) == 2)


def test_at_the_end_all_workers_finish_what_they_do(draining: Server) -> None:
    workers = workers_of(draining.pid)
    connections = [begin(draining, worker) for worker in workers]
    draining.terminate()
    eventually(lambda: refuses(draining))
    for connection in connections:
        with connection:
            assert finish(connection) == 202
    assert draining.wait() == 0
    assert all(map(has_ended, workers))
    assert draining.log_text().count('msg="worker ended"') == 2


def test_a_second_signal_does_not_wait_for_requests(draining: Server) -> None:
    with begin(draining, workers_of(draining.pid)[0]) as connection:
        draining.terminate()
        eventually(lambda: refuses(draining))
        draining.terminate()
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    assert draining.wait() == 0


def test_an_interrupt_of_the_terminal_is_one_signal(draining: Server) -> None:
    with begin(draining, workers_of(draining.pid)[0]) as connection:
        os.killpg(draining.pid, signal.SIGINT)
        eventually(lambda: refuses(draining))
        assert finish(connection) == 202
    assert draining.wait() == 0


def test_workers_whose_parent_was_killed_give_back_the_port_and_drain(draining: Server) -> None:
    workers = workers_of(draining.pid)
    with begin(draining, workers[0]) as connection:
        os.kill(draining.pid, signal.SIGKILL)
        eventually(lambda: has_ended(workers[1]))
        eventually(lambda: refuses(draining))
        with socket.create_server(("127.0.0.1", draining.port)):
            assert not has_ended(workers[0])
            assert finish(connection) == 202
    eventually(lambda: has_ended(workers[0]))


@pytest.fixture
def draining(tmp_path: Path) -> Iterator[Server]:
    """One that has time to finish."""
    with served(tmp_path / "server", {"http": {"draintimeout": "20s"}}) as running:
        yield running


def begin(server: Server, worker: int) -> socket.socket:
    """An upload that a worker waits for."""
    with server.client() as client:
        return begun_patch(server, worker, client.begin_upload("app"), 4)


def finish(connection: socket.socket) -> int:
    """The status it is answered with."""
    connection.sendall(b"rest")
    return read_answer(connection).status


def refuses(server: Server) -> bool:
    """Whether nobody listens any more."""
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False  # just now
    return False


def test_systemd_hears_when_all_workers_answer_and_one_that_hangs_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        with served(tmp_path / "server") as server:
            assert manager.recv(99) == b"READY=1"
            hanging, other = workers_of(server.pid)
            os.kill(hanging, signal.SIGSTOP)
            eventually(lambda: has_ended(hanging))
            assert manager.recv(99) == b"WATCHDOG=1"
            eventually(lambda: len(workers_of(server.pid)) == 2)
            assert other in workers_of(server.pid)
            server.terminate()
            while manager.recv(99) != b"STOPPING=1":
                pass
            assert server.wait() == 0


def test_the_parent_has_one_thread_and_holds_no_connection(server: Server) -> None:
    with server.client() as client:
        client.push_artifact("app", "1", b"content")
        assert len(list(Path(f"/proc/{server.pid}/task").iterdir())) == 1


def test_connections_are_spread_evenly(server: Server) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(32)]
        for connection in connections:
            connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in connections:
            assert read_answer(connection).status == 200
        ours = peers_of({connection.getsockname()[1] for connection in connections})
        held = [len(ours & sockets(worker)) for worker in workers_of(server.pid)]
    assert sum(held) == 32
    # Usually 16; a machine that does much else may not let one of them run for some time.
    assert min(held) >= 4


def sockets(pid: int) -> set[str]:
    """Those of a process, as the kernel calls them."""
    return {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}


def peers_of(ports: set[int]) -> set[str]:
    """The other ends of connections over IPv4 whose own ends have these ports."""
    # proc_pid_net(5): the line's second field is the local address, the third the remote one, the tenth the inode.
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{line[9]}]" for line in lines if int(line[2].rpartition(":")[2], 16) in ports}


def test_a_tls_session_goes_on_at_any_worker(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "certificates", "localhost")
    tls = {"tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)}}
    context = ssl.create_default_context(cafile=str(certificates.authority))
    # In later versions a session is only known once something has been read.
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def connected(server: Server, worker: int, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        with alone(worker, workers_of(server.pid)):
            return context.wrap_socket(server.connect(), server_hostname="localhost", session=session)

    with served(tmp_path / "server", {"http": tls}, authority=certificates.authority) as server:
        one, other = workers_of(server.pid)
        with connected(server, one) as first, connected(server, other, first.session) as second:
            assert not first.session_reused
            assert second.session_reused


def test_skopeo_pushes_and_pulls_over_tls(tmp_path: Path) -> None:
    image = make_image(1, layers=8)
    write_layout(tmp_path / "layout", make_index([image]), [image], "1")
    with host_name(HOST):
        certificates = make_certificates(tmp_path / "certificates", HOST)
        tls = {"tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)}}
        with served(tmp_path / "server", {"http": tls}, host=HOST, authority=certificates.authority) as server:
            reference = f"docker://{server.address}/app:1"
            for source, target in (
                (f"oci:{tmp_path / 'layout'}:1", reference),
                (reference, f"dir:{tmp_path / 'copy'}"),
            ):
                run(require("skopeo"), "copy", "--all", source, target, SSL_CERT_FILE=str(certificates.authority))
            with server.client() as client:
                image.assert_served(client, "app", image.digest)
