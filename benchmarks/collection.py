"""How fast garbage goes: `python -m benchmarks.collection`, beside the peers' own collectors on the same folder."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.loads import BUILD
from benchmarks.machine import facts
from benchmarks.peers import ours, peers
from benchmarks.store import MANIFEST_TYPE, StoreWriter

# Of the blobs that are pushed, one in so many is named by no manifest.
_UNUSED = 5


@dataclass(frozen=True, slots=True)
class Size:
    """Of a store."""

    blobs: int
    manifests: int
    repositories: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one collection: processor seconds, elapsed seconds, and how many blobs are left."""

    cpu: float
    wall: float
    left: int


def write_garbage(root: Path, size: Size) -> None:
    """Write a store whose manifests name four fifths of its blobs."""
    writer = StoreWriter(root)
    layers = size.blobs * (_UNUSED - 1) // _UNUSED // size.manifests
    for number in range(size.repositories):
        repository = f"team-{number % 40:02}/service-{number:05}"
        for version in range(size.manifests // size.repositories):
            names = [f"{repository} {version} {layer}" for layer in range(layers)]
            content = _manifest([writer.layer(repository, name.encode()) for name in names])
            writer.push(repository, f"v{version}", content)
        for unused in range(size.blobs // _UNUSED // size.repositories):
            writer.layer(repository, f"{repository} unused {unused}".encode())


def _manifest(layers: Sequence[str]) -> bytes:
    described = [{"mediaType": "application/octet-stream", "digest": layer, "size": 1} for layer in layers]
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": described[0], "layers": described[1:]}
    return json.dumps(document).encode()


def collect(command: Sequence[str], root: Path) -> Cost:
    """Run a collector to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, sum(1 for _ in (root / "docker/registry/v2/blobs").glob("sha256/*/*/data")))


def _configuration(root: Path, folder: Path) -> Path:
    path = folder / f"{root.name}.yml"
    # Written out, `enabled` says that a store which we have not made may be collected.
    document = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(root)}},
        "txregistry": {"collection": {"enabled": True}},
    }
    path.write_text(json.dumps(document))
    return path


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collection", description=__doc__)
    parser.add_argument(
        "--blobs", type=int, default=100_000, help="with a tenth of manifests and a hundredth of repositories"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=BUILD, help="where the stores go: the disk to measure")
    arguments = parser.parse_args()
    commands = {
        peer.name: [*(word for word in peer.command if word not in ("serve", "{config}")), "garbage-collect"]
        for peer in (*peers(), ours())
    }
    print(facts(arguments.folder), "\n")
    print("| blobs | server | CPU-s | elapsed s | blobs left |\n| --- | --- | --- | --- | --- |")
    for blobs in (arguments.blobs // 10, arguments.blobs):
        size = Size(blobs, blobs // 10, blobs // 100)
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        scratch = Path(tempfile.mkdtemp(prefix="collection-", dir=arguments.folder))
        try:
            for number in range(arguments.rounds):
                for name, command in commands.items():
                    root = scratch / f"store-{number}"
                    write_garbage(root, size)
                    subprocess.run(["sync"], check=True)
                    costs[name].append(collect([*command, str(_configuration(root, scratch))], root))
                    shutil.rmtree(root)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        for name, measured in costs.items():
            cpu, wall = (median(getattr(cost, kind) for cost in measured) for kind in ("cpu", "wall"))
            print(f"| {blobs:,} | {name} | {cpu:.2f} | {wall:.2f} | {measured[-1].left:,} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
