"""What rows measure with: folders that are written, and servers that are started, when a row first asks for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contents import Contents, ContentsScale, write_contents
from benchmarks.dockerd import Docker, DockerFailed, running_dockerd
from benchmarks.kept import kept
from benchmarks.listings import Listings, ListingsScale, write_listings
from benchmarks.peers import Peer
from benchmarks.servers import Server, ServerFailed, start_server
from benchmarks.settings import Certificate, Setting, make_certificate
from benchmarks.sign_in import SignIn, ways_to_sign_in
from benchmarks.store import MIB, REPOSITORY

__all__ = ["FULL", "QUICK", "Bench", "Place", "Plan", "Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the folders are."""

    contents: ContentsScale
    middle: ListingsScale
    most: ListingsScale


FULL = Scale(
    ContentsScale(),
    ListingsScale(10_000, tags=(10, 1000), referrers=(1, 100)),
    ListingsScale(100_000, tags=(100_000,), referrers=(10_000,)),
)
_QUICK_CONTENTS = ContentsScale(tags=200, small_blobs=64, large_size=32 * MIB, huge_size=128 * MIB, slow_size=16 * MIB)
QUICK = Scale(
    _QUICK_CONTENTS,
    ListingsScale(1000, tags=(10, 1000), referrers=(1, 100)),
    ListingsScale(5000, tags=(5000,), referrers=(1000,)),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    scale: Scale
    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """A server and the folder it serves."""

    server: Server
    root: Path


@dataclass(slots=True)
class Bench:
    """All servers serve the same folders, so that none is slower for where its files lie."""

    plan: Plan
    stores: Path
    """Folders are kept here for the next run."""
    scratch: Path
    """Goes with the run."""
    _setting: Setting | None = None
    _places: dict[str, Place | ServerFailed] = field(default_factory=dict)
    _contents: Contents | None = None
    _listings: dict[str, Listings] = field(default_factory=dict)
    _certificate: Certificate | None = None
    _ways: dict[str, SignIn] | None = None
    _docker: Docker | DockerFailed | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def place(self, peer: Peer, setting: Setting) -> Place:
        """The running server, started when it is not running; raise ServerFailed when it does not start so.

        Servers of another setting are stopped first.
        """
        if setting != self._setting:
            self.stop_servers()
            self._setting = setting
        if peer.name not in self._places:
            try:
                self._places[peer.name] = self._start(peer, setting)
            except ServerFailed as failure:
                self._places[peer.name] = failure
        place = self._places[peer.name]
        if isinstance(place, ServerFailed):
            raise place
        return place

    @contextmanager
    def alone(self, peer: Peer, setting: Setting) -> Iterator[Place]:
        """A server beside which no other runs, for as long as the context lasts."""
        self.stop_servers()
        place = self._start(peer, setting)
        try:
            yield place
        finally:
            place.server.stop()

    def running(self, peer: Peer) -> Server | None:
        """The server that rows have asked for last, if it runs."""
        place = self._places.get(peer.name)
        return place.server if isinstance(place, Place) else None

    def forget(self, peer: Peer) -> None:
        """Stop a server that has failed under a load, so that the next row finds a fresh one."""
        place = self._places.pop(peer.name, None)
        if isinstance(place, Place):
            place.server.stop()
        elif place:
            self._places[peer.name] = place  # it has never started, and will not

    def stop_servers(self) -> None:
        """Stop those that run."""
        self._setting = None
        while self._places:
            place = self._places.popitem()[1]
            if isinstance(place, Place):
                place.server.stop()

    def close(self) -> None:
        """Stop everything."""
        self.stop_servers()
        self._stack.close()

    def contents(self) -> Contents:
        """Manifests and blobs; written if they have to be."""
        scale = self.plan.scale.contents
        if self._contents is None:
            self._contents = kept(self._folder("contents"), scale, Contents, lambda root: write_contents(root, scale))
        return self._contents

    def listings(self, name: str) -> Listings:
        """The same of the `middle` size, or of the `most`."""
        scale = self.plan.scale.most if name == "most" else self.plan.scale.middle
        if name not in self._listings:
            self._listings[name] = kept(self._folder(name), scale, Listings, lambda root: write_listings(root, scale))
        return self._listings[name]

    def root(self, name: str) -> Path:
        """The folder of that name, written if it has to be."""
        if name == "empty":
            return Path(tempfile.mkdtemp(prefix="empty-", dir=self.scratch))
        if name == "contents":
            self.contents()
        else:
            self.listings(name)
        return self._folder(name)

    def docker(self) -> Docker:
        """A Docker daemon of our own; raise DockerFailed, and do not try again, where none starts."""
        if self._docker is None:
            try:
                self._docker = self._stack.enter_context(running_dockerd(self.scratch / "dockerd"))
            except DockerFailed as failure:
                self._docker = failure
        if isinstance(self._docker, DockerFailed):
            raise self._docker
        return self._docker

    def _start(self, peer: Peer, setting: Setting) -> Place:
        if setting.tls and not peer.speaks_tls:
            raise ServerFailed(peer.name, "no TLS")
        if self._ways is None:
            self._ways = ways_to_sign_in(self.scratch, (REPOSITORY,))
        if self._certificate is None:
            self._certificate = make_certificate(self.scratch)
        root = self.root(setting.store)
        certificate = self._certificate if setting.tls else None
        sign_in = self._ways[setting.sign_in]
        return Place(start_server(peer, root, self.scratch, certificate, sign_in, setting.access_log), root)

    def _folder(self, name: str) -> Path:
        quick = "-quick" if self.plan.scale is QUICK else ""
        return self.stores / f"{name}{quick}"
