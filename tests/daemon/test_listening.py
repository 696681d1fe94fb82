import pytest

from txregistry.config.model import HTTP, TLS
from txregistry.daemon.listening import is_local
from txregistry.daemon.startup import open_to_all


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
