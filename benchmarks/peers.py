"""Which registries stand side by side, and how each is started."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OURS", "WORKERS", "Peer", "ours", "parse_peer", "peers", "with_workers"]

OURS = "txregistry"
WORKERS = "txregistry, 2 workers"
_BIN = Path(__file__).parent.parent / ".cache/bin"
_DISTRIBUTION = "github.com/distribution/distribution/v3/cmd/registry@v3.1.2"


@dataclass(frozen=True, slots=True)
class Peer:
    """A registry to measure."""

    name: str
    command: tuple[str, ...]
    """Words in which {config}, {port}, {root}, {certificate} and {key} are filled in."""
    more: str = ""
    """YAML that stands in the configuration of this one alone."""

    @property
    def speaks_tls(self) -> bool:
        """Whether the command learns of a certificate at all."""
        return any("{config}" in word or "{certificate}" in word for word in self.command)


def ours(profile: Path | None = None) -> Peer:
    """Our own server from this checkout; with a path, under cProfile, whose statistics go there when it ends."""
    if profile:
        return Peer(OURS, (sys.executable, "-m", "benchmarks.profiled", str(profile), "serve", "{config}"))
    script = "import sys; from txregistry.cli.main import main; sys.exit(main())"
    return Peer(OURS, (sys.executable, "-c", script, "serve", "{config}"))


def with_workers() -> Peer:
    """The same with two worker processes."""
    return Peer(WORKERS, ours().command, "txregistry:\n  workers: 2\n")


def parse_peer(text: str) -> Peer:
    """`NAME=COMMAND`, the command split as a shell would."""
    name, _, command = text.partition("=")
    if not name or not command:
        raise ValueError(text)
    return Peer(name, tuple(shlex.split(command)))


def peers() -> list[Peer]:
    """The two registries to beat; Distribution is built if it is not there, Debian's has to be installed."""
    found = [Peer("distribution 3.1.2", (_distribution(), "serve", "{config}"))]
    debian = shutil.which("docker-registry")
    if debian:
        found.insert(0, Peer("docker-registry 2.8.2", (debian, "serve", "{config}")))
    else:
        print(
            "docker-registry is not installed (apt-get install docker-registry): measuring without it", file=sys.stderr
        )
    return found


def _distribution() -> str:
    for candidate in (shutil.which("registry"), str(_BIN / "registry")):
        if candidate and Path(candidate).exists():
            told = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False).stdout
            if "v3.1.2" in told:
                return candidate
    subprocess.run(["go", "install", _DISTRIBUTION], check=True, env={**os.environ, "GOBIN": str(_BIN)})
    return str(_BIN / "registry")
