"""The built-in token server with Docker and skopeo: pull without an account, push with one, machines with tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.auth.files import basic_header, entry
from tests.live.support.certificates import Certificates, make_certificates
from tests.live.support.client import digest_of
from tests.live.support.dockerd import Docker, running_dockerd
from tests.live.support.images import make_image, make_index, write_layout
from tests.live.support.server import Server
from tests.live.support.system import host_name, trusted_by_docker
from tests.live.support.tools import require, run
from tests.live.test_docker import build, image_id

pytestmark = pytest.mark.live

HOST = "registry.txregistry.test"
USERS = {"alice": "canary-of-alice", "bob": "canary-of-bob"}
NAME = "library/app"
RULES: dict[str, Any] = {
    "repositories": {
        "library/**": {"anonymous": ["pull"], "users": {"alice": ["push"]}},
        "team/**": {"users": {"alice": ["push"]}},
        "secret/**": {},
    }
}


@pytest.fixture
def certificates(tmp_path: Path) -> Iterator[Certificates]:
    with host_name(HOST):
        yield make_certificates(tmp_path / "certificates", HOST)


def server_of(folder: Path, certificates: Certificates | None, data: Path | None = None) -> Server:
    folder.mkdir(exist_ok=True)
    path = folder / "htpasswd"
    path.write_text("".join(entry(user, password, cost=10) for user, password in USERS.items()))
    settings: dict[str, Any] = {
        "auth": {"htpasswd": {"realm": "txregistry", "path": str(path)}},
        "log": {"level": "debug", "accesslog": {"disabled": False}},
        "txregistry": {"tokens": {"service": HOST}, "access": RULES},
    }
    if certificates is None:
        return Server("txregistry", folder / "server", data=data, settings=settings)
    settings["http"] = {"tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)}}
    return Server(
        "txregistry", folder / "server", data=data, settings=settings, authority=certificates.authority, host=HOST
    )


def machine_token(server: Server, *scopes: str, name: str = "ci") -> dict[str, Any]:
    body = json.dumps({"name": name, "scopes": scopes, "expires_in": 3600}).encode()
    header = {"Authorization": basic_header(f"alice:{USERS['alice']}".encode())}
    with server.client() as client:
        made: dict[str, Any] = json.loads(
            client.request("POST", "/v2/_txregistry/tokens", body, header, expect=201).body
        )
    return made


def assert_no_secret_is_kept(server: Server, *secrets: str) -> None:
    """Neither in the logs nor in the store, but for the keys."""
    server.stop()
    texts = [server.log_text().encode()]
    texts += [path.read_bytes() for path in server.data.rglob("*") if path.is_file() and path.stat().st_size < 1 << 16]
    for secret in (*USERS.values(), *secrets, "canary", "Bearer ey"):
        for text in texts:
            assert secret.encode() not in text
    assert re.search(r"eyJ[\w-]+\.[\w-]+\.", server.log_text()) is None
    assert server.defects() == []


def test_docker_pulls_without_an_account_and_pushes_with_one(tmp_path: Path, certificates: Certificates) -> None:
    server = server_of(tmp_path / "one", certificates)
    reference, forbidden = (f"{server.address}/{name}:1" for name in (NAME, "secret/app"))
    with (
        running_dockerd(tmp_path / "dockerd") as docker,
        trusted_by_docker(server.address, certificates.authority),
        server,
    ):
        (tmp_path / "context").mkdir()
        image = build(docker, tmp_path / "context", reference)
        with pytest.raises(AssertionError, match=r"[Uu]nauthorized|denied"):
            docker("push", "--quiet", reference)
        with pytest.raises(AssertionError, match=r"[Uu]nauthorized|denied|incorrect"):
            login(docker, server, "canary-wrong")
        login(docker, server, USERS["alice"])
        docker("push", "--quiet", reference)
        docker("tag", image, forbidden)
        with pytest.raises(AssertionError, match=r"[Uu]nauthorized|denied"):
            docker("push", "--quiet", forbidden)
        docker("logout", server.address)
        pull_again(docker, reference, image)
        with pytest.raises(AssertionError, match=r"[Uu]nauthorized|denied"):
            docker("push", "--quiet", reference)
        # The same with an access token in place of the password.
        made = machine_token(server, "library/**:push")
        login(docker, server, made["token"])
        docker("push", "--quiet", reference)
        pull_again(docker, reference, image)
        docker("logout", server.address)
        assert_no_secret_is_kept(server, made["token"], made["token"].rpartition("_")[2])


def login(docker: Docker, server: Server, password: str) -> None:
    docker("login", "--username", "alice", "--password", password, server.address)


def pull_again(docker: Docker, reference: str, image: str) -> None:
    docker("rmi", reference)
    docker("pull", "--quiet", reference)
    assert image_id(docker, reference) == image


def test_skopeo_pushes_with_an_access_token_until_it_is_revoked(tmp_path: Path, certificates: Certificates) -> None:
    image = make_image(1)
    write_layout(tmp_path / "layout", make_index([image]), [image], "1")
    server = server_of(tmp_path / "one", certificates)
    target = f"docker://{server.address}/{NAME}"

    def skopeo(*arguments: str) -> str:
        return run(require("skopeo"), *arguments, SSL_CERT_FILE=str(certificates.authority))

    with server:
        made = machine_token(server, "library/**:push")
        source, credentials = f"oci:{tmp_path / 'layout'}:1", f"ci:{made['token']}"
        with pytest.raises(AssertionError):
            skopeo("copy", "--all", source, f"{target}:1")
        skopeo("copy", "--all", "--dest-creds", credentials, source, f"{target}:1")
        skopeo("copy", "--all", f"{target}:1", f"dir:{tmp_path / 'copy'}")
        with pytest.raises(AssertionError):
            skopeo("copy", "--all", "--dest-creds", credentials, source, f"docker://{server.address}/other/app:1")
        with server.client() as client:
            header = {"Authorization": basic_header(f"alice:{USERS['alice']}".encode())}
            client.request("DELETE", f"/v2/_txregistry/tokens/{made['id']}", b"", header, expect=204)
        with pytest.raises(AssertionError):
            skopeo("copy", "--all", "--dest-creds", credentials, source, f"{target}:2")
        assert_no_secret_is_kept(server, made["token"], made["token"].rpartition("_")[2])


def test_a_token_of_one_server_counts_on_another(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with server_of(tmp_path / "one", None, data) as one, server_of(tmp_path / "other", None, data) as other:
        basic = {"Authorization": basic_header(f"alice:{USERS['alice']}".encode())}
        with one.client() as client:
            answer = client.request("GET", f"/auth/token?scope=repository:{NAME}:pull,push", headers=basic, expect=200)
        bearer = {"Authorization": f"Bearer {json.loads(answer.body)['token']}"}
        with other.client() as client:
            path = f"/v2/{NAME}/blobs/uploads/?digest={digest_of(b'{}')}"
            client.request("POST", path, b"{}", bearer, expect=201)
