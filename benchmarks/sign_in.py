"""What signing in costs: one server that asks for nothing beside one with passwords and one with tokens.

`python -m benchmarks.sign_in [--rounds 5] [--seconds 2]`; ends with 1 where one costs over 15 % more.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import jwt
import yaml

from benchmarks.loads import BUILD, LoadFailed, compile_load
from benchmarks.processes import ProcessTree

_MOST = 1.15
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class _Server:
    """A running registry, and the headers that it wants."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    headers: dict[str, str]


def main() -> int:
    """Measure and print a line for each server."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sign_in")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    compile_load()
    with tempfile.TemporaryDirectory() as name:
        servers: list[_Server] = []
        try:
            for kind, auth, headers in _ways(Path(name)):
                servers.append(_start(kind, Path(name), auth, headers))
            target = f"/v2/{_push(servers[0])}/manifests/latest"
            costs: dict[str, list[float]] = {server.name: [] for server in servers}
            # Interleaved, so that a slow minute hits all alike.
            for _ in range(arguments.rounds):
                for server in servers:
                    costs[server.name].append(_cost(server, target, arguments.seconds))
        finally:
            for server in servers:
                server.process.terminate()
                server.process.wait()
    medians = {name: statistics.median(samples) for name, samples in costs.items()}
    for name, median in medians.items():
        print(f"{name:10} {median:.4f} CPU-s per 1,000 manifests, {median / medians['none']:.2f} of none")
    return int(max(medians.values()) > _MOST * medians["none"])


def _ways(folder: Path) -> list[tuple[str, dict[str, object], dict[str, str]]]:
    """Each way to sign in: its name, the section `auth`, and the header of one who has."""
    (folder / "htpasswd").write_bytes(b"user:" + bcrypt.hashpw(b"password", bcrypt.gensalt(10)))
    os.utime(folder / "htpasswd", (1e9, 1e9))
    basic = base64.b64encode(b"user:password").decode()
    secret = secrets.token_bytes(32)
    encoded = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    (folder / "keys.json").write_text(json.dumps({"keys": [{"kty": "oct", "kid": "one", "k": encoded}]}))
    access = [{"type": "repository", "name": "library/app", "actions": ["pull", "push"]}]
    claims = {"iss": "i", "aud": "s", "sub": "user", "exp": int(time.time()) + 3600, "access": access}
    token = jwt.encode(claims, secret, "HS256", {"kid": "one"})
    keys = {"realm": "http://localhost/token", "service": "s", "issuer": "i", "jwks": str(folder / "keys.json")}
    return [
        ("none", {"none": {}}, {}),
        (
            "passwords",
            {"htpasswd": {"realm": "r", "path": str(folder / "htpasswd")}},
            {"Authorization": f"Basic {basic}"},
        ),
        ("tokens", {"token": keys}, {"Authorization": f"Bearer {token}"}),
    ]


def _start(name: str, folder: Path, auth: dict[str, object], headers: dict[str, str]) -> _Server:
    """All serve one folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = folder / f"{name}.yml"
    storage = {"filesystem": {"rootdirectory": str(folder / "store")}}
    log = {"level": "error", "accesslog": {"disabled": True}}
    document = {"version": "0.1", "log": log, "storage": storage, "http": {"addr": f"127.0.0.1:{port}"}, "auth": auth}
    config.write_text(yaml.safe_dump(document))
    process = subprocess.Popen([sys.executable, "-m", "txregistry.cli.main", "serve", str(config)])
    server = _Server(name, process, port, headers)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            if _request(server, "GET", "/v2/") == 200:
                return server
        except OSError:
            time.sleep(0.05)
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise LoadFailed(f"the server with {name} does not answer")


def _push(server: _Server) -> str:
    """Push an image; its repository."""
    config = b"{}"
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": []}
    assert _request(server, "POST", f"/v2/library/app/blobs/uploads/?digest={digest}", config) == 201
    target = "/v2/library/app/manifests/latest"
    assert _request(server, "PUT", target, json.dumps(manifest).encode(), _MANIFEST) == 201
    return "library/app"


def _request(server: _Server, method: str, target: str, body: bytes = b"", content_type: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, target, body, {**server.headers, "Content-Type": content_type or "text/plain"})
        return connection.getresponse().status
    finally:
        connection.close()


def _cost(server: _Server, target: str, seconds: float) -> float:
    """The server's processor seconds per 1,000 requests."""
    options = [f"--header={name}: {value}" for name, value in server.headers.items()]
    command = [
        str(BUILD / "load"),
        "--clients=8",
        f"--seconds={seconds}",
        *options,
        "get",
        f"127.0.0.1:{server.port}",
        target,
    ]
    usage = ProcessTree(server.process.pid)
    before = usage.cpu_seconds()
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise LoadFailed(finished.stderr.strip())
    operations: int = json.loads(finished.stdout)["operations"]
    return (usage.cpu_seconds() - before) / operations * 1000


if __name__ == "__main__":
    sys.exit(main())
