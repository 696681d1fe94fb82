"""A real Docker daemon pushes and pulls."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.support.certificates import make_certificates
from tests.live.support.client import digest_of
from tests.live.support.dockerd import Docker, running_dockerd
from tests.live.support.server import Server
from tests.live.support.system import host_name, trusted_by_docker
from tests.live.support.tools import require

pytestmark = pytest.mark.live

HOST = "registry.txregistry.test"
LAYERS = 4

DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
COPY one /one
COPY two /two
COPY three /three
CMD ["/bin/busybox", "true"]
"""


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    # The name has to be there first: Go looks at /etc/hosts again only after 5 s.
    with host_name(HOST), running_dockerd(tmp_path_factory.mktemp("dockerd")) as docker:
        yield docker


@pytest.fixture(scope="session")
def image(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of an image of several layers, one of them a real program."""
    return build(docker, tmp_path_factory.mktemp("context"), "txregistry-test:built")


def build(docker: Docker, context: Path, tag: str) -> str:
    shutil.copy(require("busybox"), context / "busybox")
    for number, name in enumerate(("one", "two", "three")):
        (context / name).write_text(f"{tag} {name}\n" * 10 ** (number + 2))
    (context / "Dockerfile").write_text(DOCKERFILE)
    docker("build", "--quiet", "--tag", tag, str(context))
    return image_id(docker, tag)


def image_id(docker: Docker, reference: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", reference).strip()


def repository_digest(docker: Docker, reference: str) -> str:
    """`name@digest` as the daemon learned it from the registry."""
    return docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", reference).strip()


def push_and_pull(docker: Docker, image: str, reference: str) -> None:
    """Push under a reference, forget it, and get it back."""
    docker("tag", image, reference)
    docker("push", "--quiet", reference)
    docker("rmi", reference)
    docker("pull", "--quiet", reference)
    assert image_id(docker, reference) == image
    docker("rmi", reference)


def test_docker_pushes_and_pulls_on_localhost(server: Server, docker: Docker, image: str) -> None:
    push_and_pull(docker, image, f"{server.address}/library/app:1")
    with server.client() as client:
        assert client.tags("library/app") == ["1"]
        assert client.catalog() == ["library/app"]


def test_docker_pushes_and_pulls_over_tls_by_host_name(kind: str, docker: Docker, image: str, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "certificates", HOST)
    tls = {"certificate": str(certificates.certificate), "key": str(certificates.key)}
    server = Server(
        kind, tmp_path / "server", settings={"http": {"tls": tls}}, authority=certificates.authority, host=HOST
    )
    with trusted_by_docker(server.address, certificates.authority), server:
        push_and_pull(docker, image, f"{server.address}/library/app:1")


def test_docker_pulls_into_an_empty_store_what_another_daemon_pushed(
    server: Server, docker: Docker, image: str, tmp_path: Path
) -> None:
    reference = f"{server.address}/library/app:1"
    docker("tag", image, reference)
    docker("push", "--quiet", reference)
    docker("rmi", reference)
    with running_dockerd(tmp_path / "other") as other:
        other("pull", "--quiet", reference)
        assert image_id(other, reference) == image


def test_docker_finds_existing_layers_and_mounts_them_across_repositories(
    server: Server, docker: Docker, image: str
) -> None:
    first, second = f"{server.address}/library/app:1", f"{server.address}/team/copy:1"
    for reference in (first, second):
        docker("tag", image, reference)
    assert docker("push", first).count(": Pushed") == LAYERS
    assert docker("push", first).count(": Layer already exists") == LAYERS
    assert docker("push", second).count(": Mounted from library/app") == LAYERS
    docker("rmi", first, second)


def test_docker_pulls_by_digest(server: Server, docker: Docker, image: str) -> None:
    tagged = f"{server.address}/library/app:1"
    docker("tag", image, tagged)
    docker("push", "--quiet", tagged)
    pinned = repository_digest(docker, tagged)
    with server.client() as client:
        assert pinned.partition("@")[2] == digest_of(client.manifest("library/app", "1").body)
    docker("rmi", tagged)
    docker("pull", "--quiet", pinned)
    assert image_id(docker, pinned) == image
    docker("rmi", pinned)


def test_docker_pushes_many_images_at_once(server: Server, docker: Docker, tmp_path: Path) -> None:
    references = [f"{server.address}/many/app{number % 3}:{number}" for number in range(6)]
    images = []
    for reference in references:
        context = tmp_path / reference.rpartition(":")[2]
        context.mkdir()
        images.append(build(docker, context, reference))
    pushes = [docker.start("push", "--quiet", reference) for reference in references]
    for push in pushes:
        assert push.communicate(timeout=120)[1] == b""
        assert push.returncode == 0
    docker("rmi", *references)
    for reference, image in zip(references, images, strict=True):
        docker("pull", "--quiet", reference)
        assert image_id(docker, reference) == image
    docker("rmi", *references)
