"""nginx with the example configuration of this project, in front of a registry on a TCP port."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.support.certificates import make_certificates
from tests.live.support.server import Server, free_port
from tests.live.support.tools import ROOT, require

START_LIMIT = 10.0
USER, PASSWORD = "somebody", "opensesame"

_MAIN = """\
daemon off;
# Folders of tests are their owner's alone.
{user}pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@contextmanager
def nginx_before(server: Server, folder: Path, host: str) -> Iterator[tuple[int, Path]]:
    """Its port, and the certificate authority to believe; USER may enter with PASSWORD."""
    program = require("nginx")
    certificates = make_certificates(folder, host)
    port = free_port()
    (folder / "site.conf").write_text(_example(server, certificates.certificate, certificates.key, folder, port))
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user="user root;\n" if os.geteuid() == 0 else ""))
    (folder / "passwords").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf")], start_new_session=True)
    try:
        _await_port(process, port)
        yield port, certificates.authority
    finally:
        process.terminate()
        process.wait(START_LIMIT)


def _example(server: Server, certificate: Path, key: Path, folder: Path, port: int) -> str:
    """The example with names and places of this test; each of them has to be there."""
    text = (ROOT / "etc" / "nginx.conf").read_text()
    for theirs, here in (
        ("unix:/run/txregistry/registry.sock", f"127.0.0.1:{server.port}"),
        ("    listen [::]:443 ssl;\n", ""),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("server_name registry.example.org", "server_name _"),
        ("/etc/nginx/tls/registry.crt", str(certificate)),
        ("/etc/nginx/tls/registry.key", str(key)),
        ("auth_basic_user_file /etc/nginx/registry.htpasswd", f"auth_basic_user_file {folder}/passwords"),
    ):
        assert theirs in text, theirs
        text = text.replace(theirs, here)
    return text


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_LIMIT
    while True:
        assert process.poll() is None, "nginx does not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.05)
