"""The server on real sockets: what memory cannot show."""

from __future__ import annotations

import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import pytest_twisted  # type: ignore[import-untyped]  # it has no annotations
from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.threads import deferToThread

from tests.http.certificates import make_identity
from tests.http.client import Application, Received, Sink, echo, split_answers
from tests.http.test_bodies import Streaming
from tests.http.test_sending import FileBody
from txregistry.http.ports import adopt, listen_tcp, listen_unix
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.server import HTTPFactory
from txregistry.http.tls import TLSContext, TLSSettings

pytestmark = pytest.mark.live
reactor = cast(Any, installed_reactor)
Test = TypeVar("Test", bound=Callable[..., Any])
in_reactor = cast(Callable[[Test], Test], pytest_twisted.ensureDeferred)

CONTENT = os.urandom(1 << 20) * 8
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def serving(
    application: Application, listen: Callable[[IProtocolFactory], IListeningPort], tls: TLSContext | None = None
) -> AsyncIterator[IListeningPort]:
    factory = HTTPFactory(application, reactor, tls=tls)
    port = listen(factory)
    try:
        yield port
    finally:
        await cast(Deferred[None], port.stopListening())
        await factory.drain(2)


def tcp(factory: IProtocolFactory) -> IListeningPort:
    return listen_tcp(reactor, 0, factory, "127.0.0.1")


def address(port: IListeningPort) -> tuple[str, int]:
    return ("127.0.0.1", cast(Any, port.getHost()).port)


def talk(place: Any, *pieces: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Send, and take all that comes until the server closes."""
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family) as plain:
        plain.settimeout(20)
        plain.connect(place)
        with plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost") as connection:
            for piece in pieces:
                connection.sendall(piece)
            received = bytearray()
            while data := connection.recv(1 << 20):
                received += data
            return bytes(received)


async def ask(place: Any, *pieces: bytes, tls: ssl.SSLContext | None = None) -> list[Received]:
    return split_answers(await deferToThread(talk, place, *pieces, tls=tls), [])


@in_reactor
async def test_requests_are_answered() -> None:
    async with serving(Application(), tcp) as port:
        answers = await ask(address(port), GET + GET, LAST)
    assert [answer.body for answer in answers] == [b"GET /a"] * 3


@in_reactor
async def test_without_an_address_ipv4_and_ipv6_are_served_and_the_client_is_known_by_its_own() -> None:
    application = Application()
    async with serving(application, lambda factory: listen_tcp(reactor, 0, factory)) as port:
        number = address(port)[1]
        assert len(await ask(("127.0.0.1", number), LAST)) == 1
        peers = ["127.0.0.1"]
        if port.getHost().host == "::":  # type: ignore[attr-defined]  # it is an IPv6Address then
            with suppress(OSError):  # A machine may know the protocol and have no address.
                assert len(await ask(("::1", number), LAST)) == 1
                peers.append("::1")
    assert [request.peer for request in application.requests] == peers


@in_reactor
async def test_an_address_in_use_is_told() -> None:
    async with serving(Application(), tcp) as port:
        with pytest.raises(CannotListenError):
            listen_tcp(reactor, address(port)[1], HTTPFactory(Application(), reactor), "127.0.0.1")


@in_reactor
async def test_a_unix_socket_is_served_and_a_stale_one_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    application = Application()
    async with serving(application, lambda factory: listen_unix(reactor, path, factory, mode=0o600)):
        assert len(await ask(path, GET, LAST)) == 2
        assert Path(path).stat().st_mode & 0o777 == 0o600
        with pytest.raises(CannotListenError):
            listen_unix(reactor, path, HTTPFactory(Application(), reactor))
        assert len(await ask(path, LAST)) == 1
    assert (application.requests[0].peer, application.requests[0].peer_port) == ("", None)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_bytes(b"content")
    with pytest.raises(CannotListenError):
        listen_unix(reactor, str(path), HTTPFactory(Application(), reactor))
    assert path.read_bytes() == b"content"


@in_reactor
async def test_an_inherited_socket_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        place = inherited.getsockname()
        async with serving(Application(), lambda factory: adopt(reactor, inherited.fileno(), factory)):
            assert len(await ask(place, GET, LAST)) == 2
        assert inherited.fileno() >= 0


@in_reactor
async def test_an_inherited_unix_socket_is_served(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as inherited:
        inherited.bind(path)
        os.chmod(path, 0o600)
        inherited.listen()
        async with serving(Application(), lambda factory: adopt(reactor, inherited.fileno(), factory)):
            assert len(await ask(path, LAST)) == 1
        # The file is for whoever inherits the socket next.
        assert Path(path).stat().st_mode & 0o777 == 0o600


def test_a_descriptor_that_does_not_listen_is_refused(tmp_path: Path) -> None:
    factory = HTTPFactory(Application(), reactor)
    with socket.socket() as silent, (tmp_path / "file").open("wb") as file:
        for descriptor in (silent.fileno(), file.fileno(), 1_000_000):
            with pytest.raises(CannotListenError):
                adopt(reactor, descriptor, factory)


def files(path: Path) -> Application:
    path.write_bytes(CONTENT)
    return Application(lambda request: Response(200, (), FileBody(path, 1_000, len(CONTENT) - 1_000)))


@in_reactor
async def test_a_large_file_arrives_whole(tmp_path: Path) -> None:
    application = files(tmp_path / "file")
    async with serving(application, tcp) as port:
        answers = await ask(address(port), GET, LAST)
    assert [answer.body == CONTENT[1_000:] for answer in answers] == [True, True]
    assert [exchange.sent for exchange in application.exchanges] == [len(CONTENT) - 1_000] * 2


@in_reactor
async def test_a_large_file_arrives_whole_over_tls(tmp_path: Path) -> None:
    identity = make_identity(tmp_path, "server")
    tls = TLSContext(TLSSettings(identity.certificate_file, identity.key_file))
    client = ssl.create_default_context(cafile=identity.certificate_file)
    async with serving(files(tmp_path / "file"), tcp, tls) as port:
        answers = await ask(address(port), GET, LAST, tls=client)
    assert [answer.body == CONTENT[1_000:] for answer in answers] == [True, True]


@in_reactor
async def test_bytes_that_the_kernel_does_not_take_at_once_arrive_whole() -> None:
    async with serving(Application(lambda request: Response(200, (), CONTENT)), tcp) as port:
        answers = await ask(address(port), GET, LAST)
    assert [answer.body == CONTENT for answer in answers] == [True, True]


@pytest.mark.parametrize("encrypted", [False, True])
@in_reactor
async def test_a_large_body_arrives_whole_though_its_reader_pauses(tmp_path: Path, encrypted: bool) -> None:
    identity = make_identity(tmp_path, "server")
    tls = TLSContext(TLSSettings(identity.certificate_file, identity.key_file)) if encrypted else None
    client = ssl.create_default_context(cafile=identity.certificate_file) if encrypted else None

    def nap(sink: Sink) -> None:
        sink.producer.pauseProducing()
        reactor.callLater(0, sink.producer.resumeProducing)

    handler = Streaming(Sink(nap))
    head = b"PUT /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(CONTENT)
    async with serving(Application(handler), tcp, tls) as port:
        (answer,) = await ask(address(port), head, CONTENT, tls=client)
    assert answer.status == 201
    assert handler.sink.data == CONTENT


def insist(place: tuple[str, int]) -> bytes:
    """Send much more than anybody reads, then look whether there was an answer."""
    with socket.create_connection(place, 20) as connection:
        connection.sendall(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(16):
            connection.sendall(bytes(1 << 20))
        return connection.recv(1 << 16)


@in_reactor
async def test_an_early_answer_is_not_lost_to_a_reset_while_the_client_still_sends() -> None:
    # RFC 9112 §9.6: "If a server performs an immediate close of a TCP connection, there is a significant risk that the
    # client will not be able to read the last HTTP response."
    async with serving(Application(lambda request: Response(403, (), b"no")), tcp) as port:
        for _ in range(5):
            assert (await deferToThread(insist, address(port))).startswith(b"HTTP/1.1 403 Forbidden\r\n")


def vanish(place: tuple[str, int], data: bytes) -> None:
    """Send, and reset the connection."""
    with socket.create_connection(place, 20) as connection:
        connection.sendall(data)
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@in_reactor
async def test_a_client_that_vanishes_within_an_answer_leaves_nothing_open(tmp_path: Path, logged: list[str]) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    bodies: list[FileBody] = []

    def handler(request: Request) -> Response:
        bodies.append(FileBody(path, 0, len(CONTENT)))
        return Response(200, (), bodies[-1])

    application = Application(handler)
    async with serving(application, tcp) as port:
        await deferToThread(vanish, address(port), GET * 10)
    assert [body.closed for body in bodies] == [1] * len(bodies)
    assert len(application.exchanges) == len(bodies) > 0
    assert logged == []


@in_reactor
async def test_a_client_that_closes_while_a_handler_waits_has_it_cancelled_by_the_drain() -> None:
    cancelled: list[object] = []
    application = Application(lambda request: Deferred(cancelled.append) if request.path == "/a" else echo(request))
    async with serving(application, tcp) as port:
        with socket.create_connection(address(port)) as connection:
            connection.sendall(GET)
            assert len(await ask(address(port), LAST.replace(b"/a", b"/b"))) == 1
    assert len(cancelled) == 1
    assert sorted(exchange.status for exchange in application.exchanges) == [200, 499]
