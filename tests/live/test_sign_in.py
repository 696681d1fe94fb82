"""Docker, podman and skopeo sign in, push, pull and sign out, with passwords and with tokens, over TLS."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.auth.files import basic_header, entry
from tests.live.support.certificates import Certificates, make_certificates
from tests.live.support.client import MANIFEST, artifact_manifest, digest_of
from tests.live.support.dockerd import Docker, running_dockerd
from tests.live.support.images import make_image, make_index, write_layout
from tests.live.support.server import Server
from tests.live.support.system import host_name, trusted_by_docker
from tests.live.support.tokenserver import TokenServer
from tests.live.support.tools import require, run
from tests.live.test_docker import build, image_id

pytestmark = pytest.mark.live

HOST = "registry.txregistry.test"
USERS = {"alice": "canary-of-alice", "bob": "canary-of-bob"}
NAME = "library/app"
RULES: dict[str, Any] = {
    "repositories": {
        "library/**": {"anonymous": ["pull"], "users": {"alice": ["push"]}},
        "secret/**": {"users": {"alice": ["push"]}},
    }
}


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    with host_name(HOST), running_dockerd(tmp_path_factory.mktemp("dockerd")) as docker:
        yield docker


@pytest.fixture(scope="module")
def image(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build(docker, tmp_path_factory.mktemp("context"), "txregistry-test:sign-in")


@pytest.fixture
def name() -> Iterator[None]:
    with host_name(HOST):
        yield


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "certificates", HOST)


@pytest.fixture
def layout(tmp_path: Path) -> str:
    image = make_image(1)
    write_layout(tmp_path / "layout", make_index([image]), [image], "1")
    return f"oci:{tmp_path / 'layout'}:1"


def server_of(
    kind: str, folder: Path, certificates: Certificates, auth: dict[str, Any], rules: bool, own: bool = False
) -> Server:
    settings: dict[str, Any] = {
        "http": {"tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)}},
        "auth": auth,
        "log": {"level": "debug", "accesslog": {"disabled": False}},
    }
    if rules:
        settings["txregistry"] = {"access": RULES}
    if own:
        settings["txregistry"]["tokens"] = {"service": HOST}
    return Server(kind, folder / "server", settings=settings, authority=certificates.authority, host=HOST)


@pytest.fixture
def passwords(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "htpasswd"
    path.write_text("".join(entry(user, password, cost=10) for user, password in USERS.items()))
    return {"htpasswd": {"realm": "txregistry", "path": str(path)}}


@pytest.fixture
def token_server(tmp_path: Path) -> Iterator[TokenServer]:
    with TokenServer(USERS, tmp_path) as running:
        yield running


def login(docker: Docker, server: Server, password: str = USERS["alice"]) -> None:
    docker("login", "--username", "alice", "--password", password, server.address)


def login_push_pull_logout(docker: Docker, server: Server, image: str, reference: str) -> None:
    docker("tag", image, reference)
    with pytest.raises(AssertionError, match=r"[Uu]nauthorized|no basic auth|denied"):
        docker("push", "--quiet", reference)
    with pytest.raises(AssertionError, match=r"[Uu]nauthorized|denied|incorrect"):
        login(docker, server, "canary-wrong")
    login(docker, server)
    docker("push", "--quiet", reference)
    docker("rmi", reference)
    docker("pull", "--quiet", reference)
    assert image_id(docker, reference) == image
    docker("logout", server.address)
    with pytest.raises(AssertionError, match=r"[Uu]nauthorized|no basic auth|denied"):
        docker("push", "--quiet", reference)
    docker("rmi", reference)


def assert_no_secret_was_logged(server: Server, *more: str) -> None:
    """CVE-2025-48374 and others."""
    server.stop()  # which writes the rest of the access log
    text = server.log_text()
    assert "/v2/" in text
    for user, password in USERS.items():
        encoded = basic_header(f"{user}:{password}".encode()).split()[1]
        for secret in (password, encoded, "canary", *more):
            assert secret not in text
    assert "Bearer ey" not in text
    assert re.search(r"\$2[aby]\$", text) is None
    assert server.defects() == []


def test_docker_signs_in_with_a_password(
    kind: str, docker: Docker, image: str, tmp_path: Path, certificates: Certificates, passwords: dict[str, Any]
) -> None:
    server = server_of(kind, tmp_path, certificates, passwords, rules=False)
    with trusted_by_docker(server.address, certificates.authority), server:
        login_push_pull_logout(docker, server, image, f"{server.address}/{NAME}:1")
        assert_no_secret_was_logged(server)
        if kind == "txregistry":
            assert " - alice [" in server.log_text()


def test_docker_signs_in_with_tokens_and_pulls_without_signing_in(
    kind: str, docker: Docker, image: str, tmp_path: Path, certificates: Certificates, token_server: TokenServer
) -> None:
    server = server_of(kind, tmp_path, certificates, token_server.settings, rules=False)
    reference = f"{server.address}/{NAME}:1"
    with trusted_by_docker(server.address, certificates.authority), server:
        login_push_pull_logout(docker, server, image, reference)
        docker("pull", "--quiet", reference)
        assert image_id(docker, reference) == image
        docker("rmi", reference)
        assert ("alice", [f"repository:{NAME}:pull,push"]) in [
            (user, [scope.replace("push,pull", "pull,push") for scope in scopes]) for user, scopes in token_server.asked
        ]
        assert_no_secret_was_logged(server, *token_server.given)


def test_docker_pushes_under_rules_after_signing_in(
    docker: Docker, image: str, tmp_path: Path, certificates: Certificates, passwords: dict[str, Any]
) -> None:
    server = server_of("txregistry", tmp_path, certificates, passwords, rules=True)
    allowed, forbidden = (f"{server.address}/{name}:1" for name in (NAME, "other/app"))
    with trusted_by_docker(server.address, certificates.authority), server:
        login_push_pull_logout(docker, server, image, allowed)
        # Docker sends no password unless the ping has asked for one, and has it no password then, it pulls nothing.
        with pytest.raises(AssertionError):
            docker("pull", "--quiet", allowed)
        docker("tag", image, forbidden)
        login(docker, server)
        with pytest.raises(AssertionError, match=r"denied"):
            docker("push", "--quiet", forbidden)
        docker("logout", server.address)
        docker("rmi", forbidden)


class Containers:
    """skopeo or podman, with credentials and a store of its own."""

    def __init__(self, program: str, folder: Path, certificates: Certificates, source: str) -> None:
        self._program = program
        self._folder = folder
        self._authority = str(certificates.authority)
        self._source = source
        storage = folder / "storage.conf"
        storage.write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{folder / "run"}"\ngraphroot = "{folder / "graph"}"\n'
            f'rootless_storage_path = "{folder / "graph"}"\n'
        )
        self._storage = str(storage)
        (folder / "auth.json").write_text("{}")
        if program == "podman":
            self._source = self("pull", "--quiet", source).split()[-1]

    def __call__(self, *arguments: str) -> str:
        return run(
            require(self._program),
            *arguments,
            REGISTRY_AUTH_FILE=str(self._folder / "auth.json"),
            SSL_CERT_FILE=self._authority,
            CONTAINERS_STORAGE_CONF=self._storage,
        )

    def push(self, reference: str) -> None:
        """Push the image."""
        if self._program == "podman":
            self("push", self._source, f"docker://{reference}")
        else:
            self("copy", "--all", self._source, f"docker://{reference}")

    def pull(self, reference: str) -> None:
        """Pull it into an empty place."""
        if self._program == "podman":
            self("rmi", "--all", "--force")
            self("pull", "--quiet", reference)
            self._source = reference
        else:
            self("copy", "--all", f"docker://{reference}", f"dir:{self._folder / 'copy'}")


@pytest.mark.parametrize("way", ["passwords", "tokens", "own tokens"])
@pytest.mark.parametrize("tool", ["skopeo", "podman"])
def test_skopeo_and_podman_push_signed_in_and_pull_without(
    tool: str,
    way: str,
    name: None,
    tmp_path: Path,
    certificates: Certificates,
    passwords: dict[str, Any],
    token_server: TokenServer,
    layout: str,
) -> None:
    """Anonymous pull and authenticated push on the same repository."""
    auth = token_server.settings if way == "tokens" else passwords
    # Where tokens say who may do what, the rules would have to say it again.
    server = server_of("txregistry", tmp_path, certificates, auth, rules=way != "tokens", own=way == "own tokens")
    client, reference = Containers(tool, tmp_path, certificates, layout), f"{server.address}/{NAME}:1"
    with server:
        with pytest.raises(AssertionError):
            client.push(reference)
        with pytest.raises(AssertionError):
            client("login", "--username", "alice", "--password", "canary-wrong", server.address)
        client("login", "--username", "alice", "--password", USERS["alice"], server.address)
        client.push(reference)
        client("logout", server.address)
        client.pull(reference)
        with pytest.raises(AssertionError):
            client.push(f"{server.address}/{NAME}:2")
        assert_no_secret_was_logged(server, *token_server.given)


def test_nobody_is_told_to_send_a_body_that_is_not_wanted(
    name: None, tmp_path: Path, certificates: Certificates, passwords: dict[str, Any]
) -> None:
    """RFC 9110, 10.1.1: a server may answer with a final status instead of 100, and then takes no byte."""
    server = server_of("txregistry", tmp_path, certificates, passwords, rules=False)
    with server, server.client() as client:
        answer = client.request(
            "PATCH",
            f"/v2/{NAME}/blobs/uploads/0b6dcf0d-2a4f-4c39-b3a2-3a1c3f1cfd3f",
            headers={"Expect": "100-continue", "Content-Length": str(10 * 2**30)},
        )
        assert answer.status == 401
        huge = {"Authorization": basic_header(b"alice:" + b"x" * 1024 * 1024)}
        assert client.request("GET", "/v2/", headers=huge).status in (400, 401, 431)
        assert_no_secret_was_logged(server)


def test_a_missing_password_file_is_made_and_its_password_told_once(
    name: None, tmp_path: Path, certificates: Certificates
) -> None:
    path = tmp_path / "made" / "htpasswd"
    server = server_of(
        "txregistry", tmp_path, certificates, {"htpasswd": {"realm": "r", "path": str(path)}}, rules=False
    )
    with server:
        told = re.search(r"user=docker password=(\S+)|password=(\S+)", server.log_text())
        assert told is not None
        password = (told[1] or told[2]).strip('"')
        with server.client() as client:
            header = {"Authorization": basic_header(f"docker:{password}".encode())}
            assert client.request("GET", "/v2/", headers=header).status == 200
            assert client.request("GET", "/v2/").status == 401
        server.stop()
        server.start()
        assert server.log_text().count(password) == 1


@pytest.mark.parametrize("way", ["passwords", "tokens", "own tokens"])
def test_the_conformance_suite_passes_for_whoever_signs_in(
    way: str, tmp_path: Path, passwords: dict[str, Any], token_server: TokenServer
) -> None:
    suite = require("conformance")
    settings = {
        "auth": token_server.settings if way == "tokens" else passwords,
        "txregistry": {"tokens": {"service": "conformance"}} if way == "own tokens" else {},
        "validation": {"manifests": {"urls": {"allow": [".*"]}}},
    }
    with Server("txregistry", tmp_path / "server", settings=settings) as server:
        finished = subprocess.run(
            [suite],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            timeout=300,
            check=False,
            env={
                "OCI_REGISTRY": server.address,
                "OCI_TLS": "disabled",
                "OCI_USERNAME": "alice",
                "OCI_PASSWORD": USERS["alice"],
                "OCI_RESULTS_DIR": str(tmp_path / "results"),
            },
        )
    suites = ElementTree.parse(tmp_path / "results" / "junit.xml").getroot()
    found = {count: int(suites.attrib.get(count, 0)) for count in ("failures", "errors")}
    assert found == {"failures": 0, "errors": 0}, finished.stdout[-8000:]
    assert finished.returncode == 0, finished.stdout[-8000:]
    assert int(suites.attrib["tests"]) > 800
    assert server.defects() == []


def test_of_fifty_who_create_a_tag_on_two_servers_exactly_one_wins(tmp_path: Path, passwords: dict[str, Any]) -> None:
    """CVE-2026-31801 under a race: whoever may only create never moves a tag."""
    rules = {"repositories": {"**": {"users": {"alice": ["create"]}}}}
    settings = {"auth": passwords, "txregistry": {"access": rules}}
    data = tmp_path / "data"
    signed_in = {"Authorization": basic_header(f"alice:{USERS['alice']}".encode())}
    with (
        Server("txregistry", tmp_path / "one", data=data, settings=settings) as one,
        Server("txregistry", tmp_path / "other", data=data, settings=settings) as other,
    ):
        with one.client() as client:
            blob = client.request(
                "POST", f"/v2/{NAME}/blobs/uploads/?digest={digest_of(b'{}')}", b"{}", signed_in, expect=201
            )
            assert blob.headers["Docker-Content-Digest"] == digest_of(b"{}")

        def create(number: int) -> tuple[int, bytes]:
            content = artifact_manifest(digest_of(b"{}"), 2, annotations={"number": str(number)})
            with (one, other)[number % 2].client() as client:
                answer = client.request(
                    "PUT", f"/v2/{NAME}/manifests/1", content, {**signed_in, "Content-Type": MANIFEST}
                )
            return answer.status, content

        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(create, range(50)))
        assert sorted(status for status, _ in answers) == [201] + [403] * 49
        [winner] = [content for status, content in answers if status == 201]
        for server in (one, other):
            with server.client() as client:
                accepting = {**signed_in, "Accept": MANIFEST}
                assert client.request("GET", f"/v2/{NAME}/manifests/1", headers=accepting, expect=200).body == winner
