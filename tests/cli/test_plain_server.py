"""What a server does not import as long as its configuration asks for nothing that needs it."""

import signal
import sys
from pathlib import Path

import pytest

from tests.daemon.process import Client, Process, configured, run
from txregistry.cli.serve import needs_openssl
from txregistry.config.load import load_configuration

# Together they take as much memory as all the rest.
HEAVY = {
    "OpenSSL",
    "bcrypt",
    "cryptography",
    "importlib.metadata",
    "jwt",
    "ldap3",
    "re2",
    "service_identity",
    "treq",
    "twisted.internet.ssl",
    "twisted.protocols.tls",
    "twisted.web.client",
    "txregistry.cli.fsck",
    "txregistry.http.tls",
}
TELLING = (
    sys.executable,
    "-c",
    "import atexit, sys\n"
    "atexit.register(lambda: print('loaded', *sys.modules, file=sys.stderr, flush=True))\n"
    "from txregistry.cli.main import main\n"
    "sys.exit(main())",
    "serve",
)
REQUEST = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.live
def test_a_plain_server_imports_no_library_that_it_has_no_use_for(tmp_path: Path) -> None:
    with Process([*TELLING, configured(tmp_path)], tmp_path) as server:
        with Client(server.port()) as client:
            client.send(REQUEST)
            assert client.answer().startswith("HTTP/1.1 200 OK")
        server.signal(signal.SIGTERM)
        assert server.status() == 0
        [loaded] = [line.split() for line in server.log.splitlines() if line.startswith("loaded ")]
    assert "txregistry.registry.catalog" in loaded
    assert HEAVY.intersection(loaded) == set()


def _needs(folder: Path, more: str) -> bool:
    return needs_openssl(load_configuration(configured(folder, more), {}).configuration)


def test_tls_and_tokens_of_others_need_openssl_and_nothing_else_does(tmp_path: Path) -> None:
    assert not _needs(tmp_path, "")
    assert not _needs(tmp_path, "auth:\n  htpasswd:\n    realm: x\n    path: passwords\n")
    assert _needs(tmp_path, "  tls:\n    certificate: a\n    key: b\n")
    token = "auth:\n  token:\n    realm: https://x\n    service: x\n    issuer: x\n    rootcertbundle: x\n"
    assert _needs(tmp_path, token)


@pytest.mark.live
def test_what_is_kept_away_can_be_imported_afterwards_and_what_is_there_stays(tmp_path: Path) -> None:
    script = (
        "import contextlib\n"
        "from txregistry.cli.serve import without_openssl\n"
        "with without_openssl(), contextlib.suppress(ImportError):\n"
        "    import OpenSSL\n"
        "    print('imported')\n"
        "import OpenSSL\n"
        "with without_openssl():\n"
        "    import OpenSSL.SSL\n"
        "print('there')\n"
    )
    assert run((sys.executable, "-c", script), tmp_path).stdout == "there\n"
