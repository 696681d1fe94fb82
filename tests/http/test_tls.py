"""TLS in memory: a client of the standard library against the server's side."""

# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few of its means of testing.

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock

from tests.http.certificates import Identity, make_identity
from tests.http.client import Application, Handler, Received, Sink, Wire, echo, split_answers
from tests.http.test_bodies import Streaming
from tests.http.test_sending import FileBody
from txregistry.http.ciphers import openssl_ciphers
from txregistry.http.engines import PLAIN
from txregistry.http.errors import BodyAborted, TLSProblem
from txregistry.http.failures import failure
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.secure import PIECE, SecureConnection
from txregistry.http.server import HTTPFactory
from txregistry.http.tls import TLSContext, TLSSettings

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def server(folder: Path) -> Identity:
    return make_identity(folder, "server")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Identity:
    return make_identity(folder, "authority")


@pytest.fixture(scope="module")
def member(folder: Path, authority: Identity) -> Identity:
    return make_identity(folder, "member", authority)


@pytest.fixture(scope="module")
def stranger(folder: Path) -> Identity:
    return make_identity(folder, "stranger")


class TLSClient:
    """A client on a wire in memory."""

    def __init__(
        self,
        settings: TLSSettings,
        handler: Handler = echo,
        identity: Identity | None = None,
        configure: Callable[[ssl.SSLContext], None] = lambda context: None,
        standard: bool = True,
        before: TLSClient | None = None,
    ) -> None:
        """With a client from `before`, the same one comes back to the same server, with its ticket."""
        self.application = Application(handler)
        self.clock = MemoryReactorClock()
        self.server: TLSContext = TLSContext(settings, standard) if before is None else before.server
        factory = HTTPFactory(self.application, self.clock, tls=self.server)
        connection = factory.buildProtocol(None)
        assert isinstance(connection, SecureConnection)
        self.connection = connection
        self.wire = Wire(peerAddress=IPv4Address("TCP", "192.0.2.7", 40123))
        connection.makeConnection(self.wire)
        self.context: ssl.SSLContext = (
            ssl.create_default_context(cafile=settings.certificate) if before is None else before.context
        )
        if identity is not None:
            self.context.load_cert_chain(identity.certificate_file, identity.key_file)
        configure(self.context)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = None if before is None else before.tls.session
        self.tls: ssl.SSLObject = self.context.wrap_bio(
            self._incoming, self._outgoing, server_hostname="localhost", session=session
        )
        self._plain = b""
        self.goodbye = False

    def shake_hands(self) -> None:
        """Raise `ssl.SSLError` where the server will not."""
        for _ in range(4):
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.exchange()
            else:
                self.exchange()
                return
        raise AssertionError("no end to the handshake")

    def exchange(self, cut: int = 1 << 30) -> None:
        """Carry bytes over the wire both ways, to the server in pieces of at most so many."""
        sent = self._outgoing.read()
        for start in range(0, len(sent), cut):
            self.connection.dataReceived(sent[start : start + cut])
        self._incoming.write(self.wire.value())
        self.wire.clear()

    def sealed(self, *contents: bytes) -> bytes:
        """A record of each, one behind the other, for the test to hand over."""
        for content in contents:
            self.tls.write(content)
        return self._outgoing.read()

    def send(self, data: bytes, cut: int = 1 << 30) -> None:
        """Encrypt and send."""
        self.tls.write(data)
        self.exchange(cut)

    def received(self) -> bytes:
        """Decrypt all that has come; raise `ssl.SSLError` on an alert."""
        self.exchange()
        try:
            while data := self.tls.read(1 << 20):
                self._plain += data
            self.goodbye = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.goodbye = True
        return self._plain

    def answers(self) -> list[Received]:
        """Take apart what came."""
        return split_answers(self.received(), [])


def settings(server: Identity, **more: object) -> TLSSettings:
    return TLSSettings(server.certificate_file, server.key_file, **more)  # type: ignore[arg-type]  # by name


# The engine of the standard library, and that of pyOpenSSL.
BOTH = pytest.mark.parametrize("standard", [True, False])


@BOTH
@pytest.mark.parametrize("cut", [1 << 30, 1, 7])
def test_requests_are_answered_however_the_records_are_cut(server: Identity, standard: bool, cut: int) -> None:
    client = TLSClient(settings(server), standard=standard)
    client.shake_hands()
    client.send(GET, cut)
    client.send(GET, cut)
    assert [answer.body for answer in client.answers()] == [b"GET /a", b"GET /a"]
    (request, _) = client.application.requests
    assert request.secure
    assert (request.peer, request.peer_port, request.client_certificate) == ("192.0.2.7", 40123, None)


@BOTH
def test_what_looks_like_a_record_in_the_middle_of_one_holds_nothing_back(server: Identity, standard: bool) -> None:
    client = TLSClient(settings(server), standard=standard)
    client.shake_hands()
    long = GET[:-2] + b"X: " + b"x" * 12_000 + b"\r\n\r\n"
    for requests in range(2, 2_000, 2):
        records = client.sealed(long, GET)
        # Bytes of the first record that, as the header of one, would tell the length of all that is left.
        ends = len(records) - 5
        cut = next((at for at in range(1, 12_000) if int.from_bytes(records[at + 3 : at + 5]) == ends - at), 0)
        client.connection.dataReceived(records[:cut])
        client.connection.dataReceived(records[cut:])
        assert len(client.application.requests) == requests
        client.exchange()
        if cut:
            return
    raise AssertionError("no record was misleading")


@BOTH
def test_large_bodies_go_both_ways(server: Identity, standard: bool) -> None:
    content = bytes(range(256)) * 8_192

    async def handler(request: Request) -> Response:
        return Response(200, (), await request.body.read(len(content)))

    client = TLSClient(settings(server), lambda r: Deferred.fromCoroutine(handler(r)), standard=standard)
    client.shake_hands()
    client.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(content) + content, 262_144)
    (answer,) = client.answers()
    assert answer.body == content


@BOTH
def test_what_one_reading_holds_comes_in_large_pieces(server: Identity, standard: bool) -> None:
    handler = Streaming()
    client = TLSClient(settings(server), handler, standard=standard)
    client.shake_hands()
    client.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
    client.send(b"x" * 200_000)
    assert [len(piece) for piece in handler.sink.pieces] == [200_000]


@BOTH
def test_openssl_is_never_given_more_than_it_shall_keep_room_for(server: Identity, standard: bool) -> None:
    handler = Streaming()
    client = TLSClient(settings(server), handler, standard=standard)
    client.shake_hands()
    client.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
    client.send(b"x" * 1_000_000)
    sizes = [len(piece) for piece in handler.sink.pieces]
    # The last record that it was given at first was cut short, so a little less came of it.
    assert PLAIN // 2 < sizes[0] < PLAIN
    assert sum(sizes) == 1_000_000


@BOTH
def test_a_paused_reader_stops_the_socket(server: Identity, standard: bool) -> None:
    handler = Streaming(Sink(lambda sink: sink.producer.pauseProducing()))
    client = TLSClient(settings(server), handler, standard=standard)
    client.shake_hands()
    client.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + b"x" * 10)
    assert not client.wire.reading
    handler.sink.producer.resumeProducing()
    assert client.wire.reading


@BOTH
def test_the_server_says_goodbye(server: Identity, standard: bool) -> None:
    client = TLSClient(settings(server), standard=standard)
    client.shake_hands()
    client.send(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert len(client.answers()) == 1
    assert client.goodbye
    assert client.wire.disconnecting


@BOTH
def test_a_refused_client_hears_goodbye_and_what_it_still_sends_is_discarded(server: Identity, standard: bool) -> None:
    client = TLSClient(settings(server), standard=standard)
    client.shake_hands()
    client.send(b"nonsense\r\n\r\n")
    assert [answer.status for answer in client.answers()] == [400]
    assert client.goodbye
    assert client.wire.half_closed
    client.connection.dataReceived(b"\x17\x03\x03 whatever")
    assert not client.wire.disconnecting


@BOTH
def test_the_clients_goodbye_closes_its_half(server: Identity, standard: bool) -> None:
    waiting: Deferred[Response] = Deferred()
    client = TLSClient(settings(server), lambda request: waiting, standard=standard)
    client.shake_hands()
    client.send(GET)
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()
    client.exchange()
    assert not client.wire.disconnecting
    waiting.callback(Response(200, (), b"late"))
    assert client.wire.disconnecting


@BOTH
def test_a_body_that_ends_without_goodbye_is_aborted(server: Identity, standard: bool) -> None:
    handler = Streaming()
    client = TLSClient(settings(server), handler, standard=standard)
    client.shake_hands()
    client.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello")
    client.connection.readConnectionLost()
    assert handler.sink.data == b"hello"
    assert [type(problem) for problem in handler.failures] == [BodyAborted]
    assert client.wire.disconnecting


def test_a_client_that_leaves_within_the_handshake_is_let_go(server: Identity) -> None:
    client = TLSClient(settings(server))
    client.connection.dataReceived(b"\x16\x03\x01")
    client.connection.readConnectionLost()
    assert client.wire.disconnecting


@BOTH
def test_a_damaged_handshake_is_answered_with_an_alert(server: Identity, standard: bool) -> None:
    client = TLSClient(settings(server), standard=standard)
    client.connection.dataReceived(b"\x16\x03\x01\x00\x05hello")
    assert client.wire.value().startswith(b"\x15\x03")
    assert client.wire.disconnecting


@BOTH
def test_a_damaged_record_ends_the_connection(server: Identity, standard: bool) -> None:
    client = TLSClient(settings(server), standard=standard)
    client.shake_hands()
    client.send(GET)
    client.connection.dataReceived(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
    assert client.wire.disconnected


def test_a_lost_connection_is_passed_on(server: Identity) -> None:
    cancelled: list[object] = []
    client = TLSClient(settings(server), lambda request: Deferred(cancelled.append))
    client.shake_hands()
    client.send(GET)
    client.connection.connectionLost(failure(ConnectionDone()))
    assert len(cancelled) == 1


def test_a_plain_request_is_told_that_this_is_https(server: Identity) -> None:
    client = TLSClient(settings(server))
    client.connection.dataReceived(GET)
    assert client.wire.value().startswith(b"HTTP/1.0 400 Bad Request\r\n")
    assert client.wire.disconnecting
    assert client.application.exchanges == []


def test_a_client_that_never_ends_its_handshake_is_let_go(server: Identity) -> None:
    client = TLSClient(settings(server))
    client.connection.dataReceived(b"\x16\x03\x01")
    client.clock.pump([1] * 40)
    assert client.wire.disconnecting


@BOTH
def test_http_1_1_is_agreed_on(server: Identity, standard: bool) -> None:
    client = TLSClient(
        settings(server),
        standard=standard,
        configure=lambda context: context.set_alpn_protocols(["h2", "http/1.1"]),
    )
    client.shake_hands()
    assert client.tls.selected_alpn_protocol() == "http/1.1"


@BOTH
def test_a_client_that_knows_other_protocols_only_is_served(server: Identity, standard: bool) -> None:
    client = TLSClient(
        settings(server), configure=lambda context: context.set_alpn_protocols(["h2"]), standard=standard
    )
    client.shake_hands()
    assert client.tls.selected_alpn_protocol() is None


# Certificates of clients


def outcome(client: TLSClient) -> list[bytes | None]:
    """The certificates that requests came with; empty where the server would not have the client."""
    try:
        client.shake_hands()
        client.send(GET)
        client.received()
    except ssl.SSLError:
        pass
    return [request.client_certificate for request in client.application.requests]


@BOTH
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("client_auth", "nobody_passes", "stranger_passes"),
    [
        ("request-client-cert", True, True),
        ("require-any-client-cert", False, True),
        ("verify-client-cert-if-given", True, False),
        ("require-and-verify-client-cert", False, False),
        (None, False, False),
    ],
)
def test_each_way_to_authenticate_clients_lets_in_whom_it_should(
    server: Identity,
    authority: Identity,
    member: Identity,
    stranger: Identity,
    client_auth: str | None,
    nobody_passes: bool,
    stranger_passes: bool,
    version: ssl.TLSVersion,
    standard: bool,
) -> None:
    wanted = settings(server, client_cas=[authority.certificate_file], client_auth=client_auth)

    def pin(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = version

    assert outcome(TLSClient(wanted, identity=member, configure=pin, standard=standard)) == [member.der]
    assert outcome(TLSClient(wanted, configure=pin, standard=standard)) == ([None] if nobody_passes else [])
    seen = outcome(TLSClient(wanted, identity=stranger, configure=pin, standard=standard))
    assert seen == ([stranger.der] if stranger_passes else [])


@BOTH
@pytest.mark.parametrize("client_auth", [None, "request-client-cert", "require-and-verify-client-cert"])
def test_a_client_that_comes_back_with_a_ticket_is_known_again(
    server: Identity, authority: Identity, member: Identity, client_auth: str | None, standard: bool
) -> None:
    cas = [] if client_auth is None else [authority.certificate_file]
    wanted = settings(server, client_cas=cas, client_auth=client_auth)
    first = TLSClient(wanted, identity=member, standard=standard)
    expected = [None if client_auth is None else member.der]
    assert outcome(first) == expected
    again = TLSClient(wanted, standard=standard, before=first)
    assert outcome(again) == expected
    assert again.tls.session_reused


@BOTH
def test_the_client_chooses_among_the_suites(server: Identity, standard: bool) -> None:
    def small_first(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")

    client = TLSClient(settings(server), configure=small_first, standard=standard)
    client.shake_hands()
    assert client.tls.cipher() == ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2", 128)


@BOTH
def test_a_file_is_encrypted_in_pieces_behind_its_head(server: Identity, standard: bool, tmp_path: Path) -> None:
    content = os.urandom(3 * PIECE + 5)
    path = tmp_path / "file"
    path.write_bytes(content)

    body = FileBody(path, 2, len(content) - 2)
    client = TLSClient(settings(server), lambda request: Response(200, (), body), standard=standard)
    client.shake_hands()
    client.send(GET)
    (answer,) = client.answers()
    assert answer.body == content[2:]
    assert body.closed == 1


# Versions and suites


def test_the_oldest_version_is_as_configured(server: Identity) -> None:
    def old(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    assert outcome(TLSClient(settings(server), configure=old)) == [None]
    assert outcome(TLSClient(settings(server, minimum_tls="tls1.3"), configure=old)) == []


@BOTH
def test_suites_are_as_configured(server: Identity, standard: bool) -> None:
    def old(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    suites = ["TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]
    client = TLSClient(settings(server, cipher_suites=suites), configure=old, standard=standard)
    client.shake_hands()
    cipher = client.tls.cipher()
    assert cipher is not None
    assert cipher[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"


def test_suites_of_tls_1_3_alone_mean_tls_1_3_alone(server: Identity) -> None:
    def old(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    newest = settings(server, cipher_suites=["TLS_AES_128_GCM_SHA256"])
    assert outcome(TLSClient(newest)) == [None]
    assert outcome(TLSClient(newest, configure=old)) == []


def test_every_suite_has_a_name_that_openssl_takes() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ciphers = openssl_ciphers(
        f"TLS_ECDHE_{kind}_WITH_{cipher}"
        for kind in ("RSA", "ECDSA")
        for cipher in ("AES_128_CBC_SHA", "AES_256_CBC_SHA", "AES_128_GCM_SHA256", "AES_256_GCM_SHA384")
    )
    assert ciphers is not None
    context.set_ciphers(ciphers)
    assert set(ciphers.split(":")) <= {cipher["name"] for cipher in context.get_ciphers()}


# Problems


def problem(settings: TLSSettings) -> str:
    with pytest.raises(TLSProblem) as raised:
        TLSContext(settings)
    return str(raised.value)


def test_an_absent_file_is_named(server: Identity, folder: Path) -> None:
    absent = str(folder / "absent.pem")
    assert problem(TLSSettings(absent, server.key_file)) == (
        f"the certificate {absent} cannot be read: No such file or directory"
    )
    assert problem(TLSSettings(server.certificate_file, absent)) == (
        f"the key {absent} cannot be read: No such file or directory"
    )
    assert "cannot be read" in problem(settings(server, client_cas=[absent]))


def test_a_folder_is_no_certificate(server: Identity, folder: Path) -> None:
    assert problem(TLSSettings(str(folder), server.key_file)).endswith("cannot be read: Is a directory")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_broken_file_is_named(server: Identity, tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_bytes(content)
    assert problem(TLSSettings(str(broken), server.key_file)) == (
        f"the certificate {broken} holds no usable certificate in PEM"
    )
    assert problem(TLSSettings(server.certificate_file, str(broken))) == (
        f"the key {broken} holds no usable private key in PEM"
    )
    assert problem(settings(server, client_cas=[str(broken)])) == (
        f"the certificate of an authority for clients {broken} holds none in PEM"
    )


def test_a_key_of_another_certificate_is_refused(server: Identity, stranger: Identity) -> None:
    assert problem(TLSSettings(server.certificate_file, stranger.key_file)) == (
        f"the key {stranger.key_file} does not belong to the certificate {server.certificate_file}"
    )


def test_an_encrypted_key_is_refused_without_a_question(tmp_path: Path) -> None:
    identity = make_identity(tmp_path, "secret", passphrase=b"secret")
    assert problem(settings(identity)) == (
        f"the key {identity.key_file} is encrypted, and there is nobody to ask for its passphrase"
    )


def test_unknown_names_are_told(server: Identity) -> None:
    assert problem(settings(server, cipher_suites=["TLS_NONE"])) == "there is no cipher suite called TLS_NONE"
    assert problem(settings(server, minimum_tls="ssl3")).endswith("can be tls1.2 or tls1.3, not ssl3")
    assert problem(settings(server, client_auth="maybe")) == "there is no way to authenticate clients called maybe"


def test_suites_that_openssl_no_longer_has_are_not_enough(server: Identity) -> None:
    assert problem(settings(server, cipher_suites=["TLS_RSA_WITH_3DES_EDE_CBC_SHA"])) == (
        "OpenSSL offers none of the cipher suites that are configured"
    )


def test_verifying_clients_needs_authorities(server: Identity) -> None:
    assert problem(settings(server, client_auth="verify-client-cert-if-given")).startswith(
        "verify-client-cert-if-given needs the certificates"
    )
