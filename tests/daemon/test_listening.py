from pathlib import Path

import pytest
from zope.interface import implementer

from txregistry.config.model import HTTP, TLS
from txregistry.daemon.interfaces import IReactor
from txregistry.daemon.listening import is_local, listen
from txregistry.daemon.problems import CannotListen
from txregistry.daemon.startup import open_to_all
from txregistry.http.errors import BadMessage
from txregistry.http.exchange import Exchange
from txregistry.http.interfaces import IApplication
from txregistry.http.request import Request
from txregistry.http.response import Response
from txregistry.http.server import HTTPFactory


@implementer(IApplication)
class NoApplication:
    """Nobody gets as far as to ask it."""

    headers = ()

    def handle(self, request: Request) -> Response:
        return Response(500)

    def refused(self, problem: BadMessage) -> Response:
        return Response(500)

    def finished(self, exchange: Exchange) -> None:
        pass


@pytest.mark.parametrize(
    ("http", "local"),
    [
        (HTTP(addr=":5000"), False),
        (HTTP(addr="0.0.0.0:5000"), False),
        (HTTP(addr="[::]:5000"), False),
        (HTTP(addr="192.0.2.1:5000"), False),
        (HTTP(addr="registry.example:5000"), False),
        (HTTP(addr="127.0.0.1:5000"), True),
        (HTTP(addr="127.8.8.8:5000"), True),
        (HTTP(addr="[::1]:5000"), True),
        (HTTP(addr="localhost:5000"), True),
        (HTTP(addr="/run/registry.sock", net="unix"), True),
    ],
)
def test_only_loopback_and_unix_sockets_are_local(http: HTTP, local: bool) -> None:
    assert is_local(http) is local
    assert open_to_all(http) is not local


def test_verified_client_certificates_are_authentication() -> None:
    asked = TLS("a.crt", "a.key", ("ca.crt",), "verify-client-cert-if-given")
    required = TLS("a.crt", "a.key", ("ca.crt",), "require-and-verify-client-cert")
    assert open_to_all(HTTP(tls=asked))
    assert not open_to_all(HTTP(tls=required))


def test_an_inherited_descriptor_that_is_no_socket_is_told(reactor: IReactor, tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file:
        factory = HTTPFactory(NoApplication(), reactor)
        with pytest.raises(CannotListen) as caught:
            listen(reactor, HTTP(), factory, [file.fileno()])
        assert caught.value.address == f"the inherited descriptor {file.fileno()}"


def test_an_address_that_cannot_be_had_is_told_as_it_was_configured(reactor: IReactor) -> None:
    # RFC 5737: this address belongs to nobody.
    with pytest.raises(CannotListen) as caught:
        listen(reactor, HTTP(addr="192.0.2.1:5000"), HTTPFactory(NoApplication(), reactor))
    assert str(caught.value) == "cannot listen on 192.0.2.1:5000: Cannot assign requested address"
