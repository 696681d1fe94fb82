"""Manifests that two readers could understand in two ways, or that a parser could die of."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.live.support.client import INDEX, MANIFEST
from tests.live.support.corpus.case import CRLF, DIGEST, Case, put_manifest, sized
from tests.live.support.raw import head

MANIFEST_LIMIT = 4 * 1024 * 1024


def manifests() -> Iterator[Case]:
    """Documents that two readers could understand in two ways, or that a parser could die of."""
    image = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "a/b", "digest": DIGEST, "size": 2},
        "layers": [],
    }
    text = json.dumps(image)
    documents = {
        "nothing": b"",
        "not JSON": b"nonsense",
        "a list": b"[]",
        "a number": b"1",
        "both layers and manifests": json.dumps({**image, "manifests": []}).encode(),
        "a key twice": text.replace('"layers": []', '"layers": [], "layers": []').encode(),
        "a key in another case": text.replace('"layers": []', '"layers": [], "Layers": []').encode(),
        "another media type than announced": json.dumps({**image, "mediaType": INDEX}).encode(),
        "deep nesting": b"[" * 100_000 + b"]" * 100_000,
        "deep nesting of objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "deep nesting inside": text.replace("[]", "[" * 50_000 + "]" * 50_000).encode(),
        "an endless number": text.replace('"size": 2', f'"size": {"9" * 10_000}').encode(),
        "a negative size": text.replace('"size": 2', '"size": -2').encode(),
        "a fractional size": text.replace('"size": 2', '"size": 2.5').encode(),
        "a size as text": text.replace('"size": 2', '"size": "2"').encode(),
        "NaN": text.replace('"size": 2', '"size": NaN').encode(),
        "a byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "UTF-16": text.encode("utf-16"),
        "not UTF-8": text.encode().replace(b"a/b", b"a/\xff"),
        "a lone surrogate": text.replace("a/b", "a/\\ud800").encode(),
        "something behind": text.encode() + b"{}",
        "a digest that climbs": text.replace(DIGEST, "sha256:../../../../etc/passwd").encode(),
        "layers of nulls": text.replace("[]", "[null]").encode(),
        "layers of text": text.replace("[]", '"abc"').encode(),
    }
    for why, content in documents.items():
        yield Case(
            f"manifest, {why}",
            put_manifest("/v2/seed/manifests/bad", content),
            (400,),
            ("MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "DIGEST_INVALID", "SIZE_INVALID"),
        )
    yield Case(
        "manifest of another digest",
        put_manifest(f"/v2/seed/manifests/{DIGEST}", text.encode()),
        (400,),
        ("DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"),
    )
    large = text.encode() + b" " * MANIFEST_LIMIT
    yield Case(
        "manifest above the limit",
        put_manifest("/v2/seed/manifests/large", large),
        (413,),
        ("MANIFEST_INVALID", "SIZE_INVALID"),
    )
    chunked = {"Transfer-Encoding": "chunked", "Content-Type": MANIFEST}
    chunk = f"{len(large):x}".encode() + CRLF + large + CRLF + b"0" + CRLF * 2
    yield Case(
        "manifest above the limit, chunked",
        head("PUT", "/v2/seed/manifests/large", chunked) + chunk,
        (413,),
        ("MANIFEST_INVALID", "SIZE_INVALID"),
    )
    for why, kind in {"none": "", "text": "text/html", "broken": ";;;", "very long": "a/" + "b" * 5000}.items():
        yield Case(
            f"manifest with a content type, {why}",
            sized("PUT", "/v2/seed/manifests/bad", b"{}", {"Content-Type": kind}),
            (400, 415),
            ("MANIFEST_INVALID", "UNSUPPORTED"),
        )
