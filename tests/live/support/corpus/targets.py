"""Names, tags, digests, upload ids and page sizes that must never be taken for one."""

from __future__ import annotations

from collections.abc import Iterator

from tests.live.support.corpus.case import DIGEST, HEX, Case, put_manifest, sized
from tests.live.support.raw import head

# Strings of the path that must never become a file name.
NAMES = {
    "two dots": "..",
    "two dots up": "../../../../etc/passwd",
    "encoded dots": "%2e%2e/%2e%2e/etc",
    "encoded slashes": "a%2f..%2f..%2fb",
    "one dot": ".",
    "dot inside": "a/./b",
    "NUL": "a%00b",
    "newline": "a%0ab",
    "backslash": "a%5c..%5cb",
    "empty component": "a//b",
    "capitals": "Library/App",
    "too long": "a" * 256,
    "far too long": "a/" * 2000 + "a",
    "not ASCII": "%C3%BCber",
    "look-alike digit": "a%D9%A3",
    "not UTF-8": "a%ff%fe",
    "overlong UTF-8": "a%c0%ae%c0%ae",
    "broken escape": "a%zz",
    "dot at the end": "app.",
    "dash at the start": "-app",
    "three underscores": "a___b",
    "ours": "_layers",
    "space": "a%20b",
}
TAGS = {
    "dot at the start": ".tag",
    "dash at the start": "-tag",
    "129 characters": "t" * 129,
    "space": "a%20b",
    "newline": "tag%0a",
    "NUL": "tag%00",
    "two dots": "..",
    "encoded up": "%2e%2e%2f%2e%2e%2fx",
    "not ASCII": "%C3%BC",
    "not UTF-8": "%ff",
}
DIGESTS = {
    "too short": "sha256:abc",
    "one digit less": f"sha256:{HEX[:-1]}",
    "one digit more": f"sha256:{HEX}0",
    "capitals": f"sha256:{HEX.upper()}",
    "sha512 too short": f"sha512:{HEX}",
    "unknown algorithm": f"md5:{HEX[:32]}",
    "no algorithm": f":{HEX}",
    "nothing": "sha256:",
    "two colons": f"sha256:sha256:{HEX}",
    "up": "sha256:..%2f..%2f..%2fetc%2fpasswd",
    "NUL": f"sha256:{HEX[:-1]}%00",
    "newline": f"sha256:{HEX}%0a",
}

_NAME_CODES = ("NAME_INVALID", "NAME_UNKNOWN", "UNSUPPORTED")
_TAG_CODES = ("TAG_INVALID", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", *_NAME_CODES)
_DIGEST_CODES = ("DIGEST_INVALID", "NAME_INVALID", "UNSUPPORTED")
_UPLOAD_CODES = ("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", *_NAME_CODES)
_LISTS = ("/v2/_catalog", "/v2/seed/tags/list")


def paths() -> Iterator[Case]:
    """Names, tags, digests and upload ids."""
    for why, name in NAMES.items():
        yield Case(f"name, {why}: tags", head("GET", f"/v2/{name}/tags/list"), (400, 404), _NAME_CODES)
        yield Case(f"name, {why}: manifest", put_manifest(f"/v2/{name}/manifests/1", b"{}"), (400, 404), _NAME_CODES)
        yield Case(f"name, {why}: upload", sized("POST", f"/v2/{name}/blobs/uploads/", b""), (400, 404), _NAME_CODES)
    for why, tag in TAGS.items():
        yield Case(f"tag, {why}: get", head("GET", f"/v2/a/manifests/{tag}"), (400, 404), _TAG_CODES)
        yield Case(f"tag, {why}: put", put_manifest(f"/v2/a/manifests/{tag}", b"{}"), (400, 404), _TAG_CODES)
    for why, digest in DIGESTS.items():
        yield Case(f"digest, {why}: blob", head("GET", f"/v2/a/blobs/{digest}"), (400, 404), _DIGEST_CODES)
        yield Case(f"digest, {why}: referrers", head("GET", f"/v2/a/referrers/{digest}"), (400, 404), _DIGEST_CODES)
        yield Case(
            f"digest, {why}: mount",
            sized("POST", f"/v2/a/blobs/uploads/?mount={digest}&from=b", b""),
            (202, 400),
            _DIGEST_CODES,
        )
    for why, upload in {"up": "..%2f..%2fx", "NUL": "%00", "unknown": f"{HEX[:8]}-1234-1234-1234-{HEX[:12]}"}.items():
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            target = f"/v2/a/blobs/uploads/{upload}?digest={DIGEST}"
            yield Case(f"upload id, {why}: {method}", sized(method, target, b"x"), (400, 404), _UPLOAD_CODES)
    for method, target in (("GET", "/etc/passwd"), ("GET", "/v2/a/nothing/b"), ("GET", "/v1/")):
        yield Case(f"no such route: {target}", head(method, target), (404,))
    for method, target in (
        ("POST", "/v2/"),
        ("DELETE", "/v2/_catalog"),
        ("PUT", "/v2/a/tags/list"),
        ("PATCH", "/v2/a/manifests/1"),
    ):
        yield Case(f"no such method: {method} {target}", sized(method, target, b""), (405,), ("UNSUPPORTED",))
    yield Case("two slashes before a host", head("GET", "/%2fevil.example/v2/"), (404, 400))


def queries() -> Iterator[Case]:
    """Pagination."""
    numbers: dict[str, str] = {
        "negative": "-1",
        "word": "x",
        "float": "1e3",
        "Arabic digit": "%D9%A3",
        "plus": "%2B1",
        "underscore": "1_0",
        "5000 digits": "9" * 5000,
    }
    for why, number in numbers.items():
        for target in _LISTS:
            yield Case(
                f"page size, {why}: {target}",
                head("GET", f"{target}?n={number}"),
                (400,),
                ("PAGINATION_NUMBER_INVALID",),
            )
    oddities = {
        "huge": "n=1000000000",
        "astronomic": f"n={10**30}",
        "twice": "n=1&n=2",
        "binary last": "last=%ff%00",
        "long last": "last=" + "z" * 4000,
    }
    for why, query in oddities.items():
        for target in _LISTS:
            yield Case(
                f"page, {why}: {target}",
                head("GET", f"{target}?{query}"),
                (200, 400),
                ("PAGINATION_NUMBER_INVALID", "UNSUPPORTED"),
            )
