"""A small registry client that shows exactly what the server answered."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import frozen

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
ACCEPT = ", ".join(
    (
        MANIFEST,
        INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)


@frozen
class Answer:
    """A whole response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def codes(self) -> list[str]:
        """The specification's error codes in the body."""
        return [error["code"] for error in json.loads(self.body)["errors"]]


@frozen
class Unexpected(Exception):
    """Another status than the one that was asked for."""

    request: str
    status: int
    body: bytes


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """`sha256:…`."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


class Client:
    """One connection, kept alive, and opened anew after a failure or `close`; not for several threads."""

    def __init__(self, host: str, port: int, *, timeout: float = 30.0, tls: ssl.SSLContext | None = None) -> None:
        if tls is None:
            self._connection = http.client.HTTPConnection(host, port, timeout=timeout)
        else:
            self._connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: int | None = None,
    ) -> Answer:
        """Send one request and read the whole answer; raise `Unexpected` unless its status is `expect`."""
        parts = urlsplit(target)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            if self._connection.sock is None:
                self._connection.connect()
            # An early answer is worth reading although the server stopped listening.
            with suppress(BrokenPipeError, ConnectionResetError):
                self._connection.request(method, path, body, dict(headers or {}))
            response = self._connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        if expect is not None and answer.status != expect:
            raise Unexpected(f"{method} {target}", answer.status, answer.body[:500])
        return answer

    def stream(self, target: str) -> http.client.HTTPResponse:
        """GET, with a body that is for the caller to read."""
        self._connection.request("GET", target)
        return self._connection.getresponse()

    def begin_upload(self, name: str) -> str:
        """The location of a new upload session."""
        return location(self.request("POST", f"/v2/{name}/blobs/uploads/", b"", expect=202))

    def push_blob(self, name: str, content: bytes, algorithm: str = "sha256") -> str:
        """Push as docker does, with one PATCH; the digest."""
        digest = digest_of(content, algorithm)
        upload = self.begin_upload(name)
        octets = {"Content-Type": "application/octet-stream"}
        upload = location(self.request("PATCH", upload, content, octets, expect=202))
        self.finish_upload(upload, digest)
        return digest

    def finish_upload(self, upload: str, digest: str, rest: bytes = b"") -> Answer:
        """Close an upload session, with the last bytes if there are some."""
        octets = {"Content-Type": "application/octet-stream"}
        return self.request("PUT", with_query(upload, f"digest={digest}"), rest, octets, expect=201)

    def push_manifest(self, name: str, reference: str, content: bytes, media_type: str = MANIFEST) -> str:
        """The digest."""
        self.request("PUT", f"/v2/{name}/manifests/{reference}", content, {"Content-Type": media_type}, expect=201)
        return digest_of(content)

    def push_artifact(self, name: str, tag: str, content: bytes) -> str:
        """One blob, its empty configuration and a manifest; the manifest's digest."""
        blob = self.push_blob(name, content)
        self.push_blob(name, b"{}")
        return self.push_manifest(name, tag, artifact_manifest(blob, len(content)))

    def blob(self, name: str, digest: str) -> bytes:
        """The bytes, whatever they are."""
        return self.request("GET", f"/v2/{name}/blobs/{digest}", expect=200).body

    def manifest(self, name: str, reference: str) -> Answer:
        """With all usual types accepted."""
        return self.request("GET", f"/v2/{name}/manifests/{reference}", headers={"Accept": ACCEPT}, expect=200)

    def tags(self, name: str) -> list[str]:
        """All of them, page by page."""
        return self._pages(f"/v2/{name}/tags/list", "tags")

    def catalog(self) -> list[str]:
        """All repositories, page by page."""
        return self._pages("/v2/_catalog", "repositories")

    def catalog_page(self, count: int, last: str | None = None) -> list[str]:
        """At most `count` repositories, those behind `last`."""
        query = f"n={count}" if last is None else f"n={count}&last={quote(last, safe='')}"
        page: list[str] = (
            json.loads(self.request("GET", f"/v2/_catalog?{query}", expect=200).body)["repositories"] or []
        )
        return page

    def referrers(self, name: str, subject: str) -> list[str]:
        """Digests of the manifests that have this subject."""
        answer = self.request("GET", f"/v2/{name}/referrers/{subject}", expect=200)
        return [entry["digest"] for entry in json.loads(answer.body)["manifests"]]

    def _pages(self, target: str, key: str) -> list[str]:
        found: list[str] = []
        following: str | None = target
        while following is not None:
            answer = self.request("GET", following, expect=200)
            found += json.loads(answer.body)[key] or []
            link = re.match(r"<([^>]*)>", answer.headers.get("Link", ""))
            following = link[1] if link else None
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def artifact_manifest(blob: str, size: int, **more: Any) -> bytes:
    """An OCI manifest of one blob and the empty configuration."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.txregistry.test",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2},
            "layers": [{"mediaType": "application/octet-stream", "digest": blob, "size": size}],
            **more,
        }
    ).encode()


def location(answer: Answer) -> str:
    """Where the answer points to."""
    where: str = answer.headers["Location"]
    return where


def with_query(target: str, query: str) -> str:
    """The opaque target with one more parameter."""
    return f"{target}{'&' if '?' in target else '?'}{query}"
