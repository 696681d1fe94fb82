"""curl, docker and skopeo show a certificate instead of a password."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.auth.files import entry
from tests.live.support.certificates import Certificates, ClientCertificate, make_certificates, make_client_certificate
from tests.live.support.dockerd import running_dockerd
from tests.live.support.images import make_image, make_index, write_layout
from tests.live.support.server import Server
from tests.live.support.system import DOCKER_CERTIFICATES, host_name, own_address, trusted_by_docker
from tests.live.support.tools import require, run
from tests.live.test_docker import build, image_id

pytestmark = pytest.mark.live

HOST = "registry.txregistry.test"
NAME = "builds/app"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "server-certificates", HOST)


@pytest.fixture
def ci(tmp_path: Path) -> ClientCertificate:
    return make_client_certificate(tmp_path / "client", "ci", "builders")


def server_of(folder: Path, certificates: Certificates, ci: ClientCertificate, address: str = "127.0.0.1") -> Server:
    """Passwords for people, certificates for machines; both in the access rules."""
    (folder / "htpasswd").write_text(entry("alice", "secret", cost=10))
    settings: dict[str, Any] = {
        "http": {
            "tls": {
                "certificate": str(certificates.certificate),
                "key": str(certificates.key),
                "clientcas": [str(ci.authority)],
                "clientauth": "verify-client-cert-if-given",
            }
        },
        "auth": {"htpasswd": {"realm": "txregistry", "path": str(folder / "htpasswd")}},
        "log": {"accesslog": {"disabled": False}},
        "txregistry": {
            "certificates": {"user": "subject-cn", "groups": "subject-ou"},
            "access": {"repositories": {"builds/**": {"users": {"alice": ["pull"]}, "groups": {"builders": ["push"]}}}},
        },
    }
    server = Server("txregistry", folder / "server", settings=settings, authority=certificates.authority, host=HOST)
    server.listen_on(address)
    return server


def show_certificate(server: Server, client: ClientCertificate) -> None:
    folder = DOCKER_CERTIFICATES / server.address
    shutil.copy(client.certificate, folder / "client.cert")
    shutil.copy(client.key, folder / "client.key")


def hide_certificate(server: Server) -> None:
    for name in ("client.cert", "client.key"):
        (DOCKER_CERTIFICATES / server.address / name).unlink()


def status_of(server: Server, certificates: Certificates, path: str, *more: str) -> int:
    curl = [require("curl"), "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(certificates.authority)]
    finished = subprocess.run(
        [*curl, *more, f"https://{server.address}{path}"], capture_output=True, text=True, timeout=30, check=False
    )
    return int(finished.stdout)


def test_curl_and_skopeo_push_and_pull_with_a_certificate(
    tmp_path: Path, certificates: Certificates, ci: ClientCertificate
) -> None:
    image = make_image(1)
    write_layout(tmp_path / "layout", make_index([image]), [image], "1")
    stranger = make_client_certificate(tmp_path / "stranger", "ci", "builders")
    with host_name(HOST), server_of(tmp_path, certificates, ci) as server:
        shown = ("--cert", str(ci.certificate), "--key", str(ci.key))
        assert status_of(server, certificates, "/v2/") == 401
        assert status_of(server, certificates, "/v2/", *shown) == 200
        assert status_of(server, certificates, "/v2/", "-u", "alice:secret") == 200
        # The header counts, and not the certificate beside it.
        assert status_of(server, certificates, "/v2/", *shown, "-u", "alice:wrong") == 401
        # Of another authority: TLS itself does not let it in.
        strange = ("--cert", str(stranger.certificate), "--key", str(stranger.key))
        assert status_of(server, certificates, "/v2/", *strange) == 0

        empty = tmp_path / "auth.json"
        empty.write_text("{}")
        reference = f"docker://{server.address}/{NAME}:1"

        def skopeo(*arguments: str) -> str:
            return run(require("skopeo"), *arguments, REGISTRY_AUTH_FILE=str(empty))

        with trusted_by_docker(server.address, certificates.authority):
            with pytest.raises(AssertionError):
                skopeo("copy", "--all", f"oci:{tmp_path / 'layout'}:1", reference)
            show_certificate(server, ci)
            skopeo("copy", "--all", f"oci:{tmp_path / 'layout'}:1", reference)
            assert json.loads(skopeo("list-tags", f"docker://{server.address}/{NAME}"))["Tags"] == ["1"]
            skopeo("copy", "--all", reference, f"dir:{tmp_path / 'copy'}")
        server.stop()
        assert " - ci [" in server.log_text()
        assert server.defects() == []


def test_docker_pushes_and_pulls_with_a_certificate(
    tmp_path: Path, certificates: Certificates, ci: ClientCertificate
) -> None:
    with (
        own_address() as address,
        host_name(HOST, address),
        running_dockerd(tmp_path / "dockerd") as docker,
        server_of(tmp_path, certificates, ci, address) as server,
        trusted_by_docker(server.address, certificates.authority),
    ):
        (tmp_path / "context").mkdir()
        image, reference = (
            build(docker, tmp_path / "context", "txregistry-test:certificate"),
            f"{server.address}/{NAME}:1",
        )
        docker("tag", image, reference)
        with pytest.raises(AssertionError, match=r"[Uu]nauthorized|no basic auth"):
            docker("push", "--quiet", reference)
        show_certificate(server, ci)
        docker("push", "--quiet", reference)
        docker("rmi", reference)
        docker("pull", "--quiet", reference)
        assert image_id(docker, reference) == image
        hide_certificate(server)
        with pytest.raises(AssertionError, match=r"[Uu]nauthorized|no basic auth"):
            docker("push", "--quiet", reference)
        server.stop()
        assert server.defects() == []
