"""What a test changes on the machine, and how it is put back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.support.tools import absent, require, require_root, run

HOSTS = Path("/etc/hosts")
DOCKER_CERTIFICATES = Path("/etc/docker/certs.d")


# RFC 5737: nobody's.
ADDRESS = "192.0.2.77"


@contextmanager
def own_address() -> Iterator[str]:
    """The loopback interface has another address: what lies below 127, Docker trusts without any certificate."""
    require_root("an address of the loopback interface")
    ip = require("ip")
    run(ip, "address", "add", f"{ADDRESS}/32", "dev", "lo")
    try:
        yield ADDRESS
    finally:
        run(ip, "address", "del", f"{ADDRESS}/32", "dev", "lo")


@contextmanager
def host_name(name: str, address: str = "127.0.0.1") -> Iterator[None]:
    """The name means this machine, which has the address."""
    require_root("a line in /etc/hosts")
    line = f"{address} {name} # a test of txregistry\n"
    # Written in place: in a container the file is a mount of its own, and cannot be replaced.
    before = HOSTS.read_text()
    HOSTS.write_text(before if before.endswith("\n") else f"{before}\n")
    with HOSTS.open("a") as hosts:
        hosts.write(line)
    try:
        yield
    finally:
        # Somebody else may have written since.
        HOSTS.write_text(HOSTS.read_text().replace(line, ""))


@contextmanager
def trusted_by_docker(registry: str, authority: Path) -> Iterator[None]:
    """dockerd, podman, skopeo and buildah believe this authority for the registry `NAME:PORT`."""
    require_root("a certificate below /etc/docker")
    folder = DOCKER_CERTIFICATES / registry
    absent_before = [path for path in (folder, DOCKER_CERTIFICATES, DOCKER_CERTIFICATES.parent) if not path.exists()]
    folder.mkdir(parents=True)
    shutil.copy(authority, folder / "ca.crt")
    try:
        yield
    finally:
        shutil.rmtree(folder)
        for path in absent_before[1:]:
            path.rmdir()


@contextmanager
def small_filesystem(folder: Path, size: str) -> Iterator[None]:
    """A tmpfs of that size is mounted on the folder."""
    require_root("mount")
    folder.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder))
    try:
        yield
    finally:
        run("umount", "-l", str(folder))


@contextmanager
def mounted_image(image: Path, folder: Path) -> Iterator[None]:
    """The ext4 filesystem in a file is mounted on the folder."""
    require_root("mount")
    if not Path("/dev/loop-control").exists():
        absent("there are no loop devices")
    folder.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "ext4", "-o", "loop", str(image), str(folder))
    try:
        yield
    finally:
        run("umount", "-l", str(folder))


def make_filesystem(image: Path, size: int) -> None:
    """A file with an empty ext4 of that many bytes."""
    with image.open("wb") as file:
        file.truncate(size)
    run(require("mkfs.ext4"), "-q", "-F", str(image))
