"""The blobs of a folder from nginx: `python -m benchmarks.floors.nginx PORT ROOT CERTIFICATE KEY`."""

from __future__ import annotations

import os
import sys
import tempfile

_CONFIG = """\
daemon off;
worker_processes {workers};
pid {scratch}/pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {scratch};
    proxy_temp_path {scratch};
    fastcgi_temp_path {scratch};
    uwsgi_temp_path {scratch};
    scgi_temp_path {scratch};
    server {{
        listen 127.0.0.1:{port}{tls};
        location = /v2/ {{ return 200 "{{}}"; }}
        location ~ ^/v2/.+/blobs/sha256:((..)[0-9a-f]+)$ {{
            alias {root}/docker/registry/v2/blobs/sha256/$2/$1/data;
        }}
    }}
}}
"""
_TLS = """ ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3"""


def _run(port: str, root: str, certificate: str, key: str) -> None:
    scratch = tempfile.mkdtemp(prefix="nginx-", dir=os.path.dirname(certificate) or None)
    tls = _TLS.format(certificate=certificate, key=key) if certificate else ""
    path = f"{scratch}/nginx.conf"
    with open(path, "w") as file:
        # As many as the servers it is compared with.
        file.write(_CONFIG.format(workers=1, scratch=scratch, port=port, tls=tls, root=root))
    os.execlp("nginx", "nginx", "-e", "stderr", "-c", path)


if __name__ == "__main__":
    _run(*sys.argv[1:])
