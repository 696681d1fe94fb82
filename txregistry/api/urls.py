"""Where things are: every URL that an answer names is built here."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from attrs import frozen

from txregistry.http.request import Request
from txregistry.oci.digest import Digest
from txregistry.oci.names import Reference, RepositoryName, UploadId

# Docker 1.7 and older cannot follow a relative Location.
_NEEDS_ABSOLUTE = re.compile(rb"docker/1\.[0-7](?![0-9])")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@frozen
class URLs:
    """Relative references by default, which no TLS terminator or port mapping in front can break.

    `prefix` begins and ends with a slash; `host` is the absolute base that `http.host` gives, without a slash at its
    end; `relative` (http.relativeurls) wins over it. Forwarded headers are not believed.
    """

    prefix: str = "/"
    host: str | None = None
    relative: bool = False

    def blob(self, request: Request, name: RepositoryName, digest: Digest) -> bytes:
        """Where a blob is pulled from."""
        return self._location(request, f"v2/{name}/blobs/{digest}")

    def manifest(self, request: Request, name: RepositoryName, reference: Reference) -> bytes:
        """Where a manifest is pulled from."""
        return self._location(request, f"v2/{name}/manifests/{reference}")

    def upload(self, request: Request, name: RepositoryName, upload: UploadId) -> bytes:
        """Where an upload goes on."""
        return self._location(request, f"v2/{name}/blobs/uploads/{upload}")

    def next_link(self, request: Request, path: str, **arguments: str) -> bytes:
        """The value of a `Link` header to the next page (RFC 8288); `path` is below the prefix."""
        location = self._location(request, f"{quote(path)}?{urlencode(arguments)}")
        return b"<" + location + b'>; rel="next"'

    def _location(self, request: Request, path: str) -> bytes:
        local = f"{self.prefix}{path}"
        if self.relative:
            return local.encode("ascii")
        if self.host is not None:
            return f"{self.host}{local}".encode("ascii")
        if _NEEDS_ABSOLUTE.match(request.headers.get(b"user-agent") or b""):
            host = request.headers.text(b"host") or ""
            if _HOST.fullmatch(host):
                return f"{'https' if request.secure else 'http'}://{host}{local}".encode("ascii")
        return local.encode("ascii")
