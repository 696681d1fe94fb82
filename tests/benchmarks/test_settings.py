"""The configuration that every server of a row is given."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import jwt
import pytest
import yaml
from cryptography.x509 import load_pem_x509_certificate

from benchmarks.peers import with_workers
from benchmarks.settings import Certificate, configuration
from benchmarks.sign_in import NO_SIGN_IN, ways_to_sign_in

ROOT = Path("/somewhere")


def test_servers_get_the_same_file_but_for_what_the_row_is_about() -> None:
    plain = yaml.safe_load(configuration(ROOT, 5000, None, NO_SIGN_IN, False, ""))
    assert plain["storage"]["filesystem"] == {"rootdirectory": "/somewhere"}
    assert plain["http"]["addr"] == "127.0.0.1:5000"
    assert plain["log"]["accesslog"] == {"disabled": True}
    certificate = Certificate(Path("/c"), Path("/k"))
    secure = yaml.safe_load(configuration(ROOT, 5000, certificate, NO_SIGN_IN, False, ""))
    assert secure["http"].pop("tls") == {"certificate": "/c", "key": "/k"}
    assert secure == plain
    logged = yaml.safe_load(configuration(ROOT, 5000, None, NO_SIGN_IN, True, ""))
    assert logged["log"].pop("accesslog") == {"disabled": False}
    del plain["log"]["accesslog"]
    assert logged == plain


def test_one_server_can_be_told_more() -> None:
    told = yaml.safe_load(configuration(ROOT, 5000, None, NO_SIGN_IN, False, with_workers().more))
    assert told["txregistry"] == {"workers": 2}


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
def test_clients_send_what_the_configuration_asks_for(tmp_path: Path) -> None:
    ways = ways_to_sign_in(tmp_path, ("library/app",))
    assert ways["none"] == NO_SIGN_IN
    assert list(yaml.safe_load(ways["htpasswd"].section)["auth"]) == ["htpasswd"]
    (basic,) = ways["htpasswd"].headers
    assert base64.b64decode(basic.removeprefix("Authorization: Basic ")) == b"user:password"
    options = yaml.safe_load(ways["token"].section)["auth"]["token"]
    key = load_pem_x509_certificate(Path(options["rootcertbundle"]).read_bytes()).public_key()
    (bearer,) = ways["token"].headers
    claims = jwt.decode(
        bearer.removeprefix("Authorization: Bearer "),
        key,  # type: ignore[arg-type]  # of any kind that a certificate may hold; this one is an elliptic curve's
        ["ES256"],
        audience=options["service"],
        issuer=options["issuer"],
    )
    assert claims["access"] == [{"type": "repository", "name": "library/app", "actions": ["pull", "push"]}]
