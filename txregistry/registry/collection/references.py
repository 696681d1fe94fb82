"""What a stored manifest refers to, read so that nothing it may mean is overlooked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from txregistry.oci.digest import Digest
from txregistry.oci.errors import DigestInvalid


class Unreadable(Exception):
    """A stored manifest that cannot be understood, so that nobody can say what it keeps."""


@frozen
class StoredReferences:
    """`digests` are all that stand in it; `children` and `subject` are those of an index and of an artifact."""

    digests: tuple[Digest, ...]
    children: tuple[Digest, ...]
    subject: Digest | None


def stored_references(content: bytes) -> StoredReferences:
    """Of a manifest of any format that any registry has accepted, schema 1 included. Raise `Unreadable`.

    Every `digest` and `blobSum` counts, wherever it stands: to keep too much costs space, to keep too little an image.
    """
    try:
        document = json.loads(content)
        if not isinstance(document, dict):
            raise Unreadable
        # A subject stays by its own link; the artifact alone does not keep it.
        kept = {key: value for key, value in document.items() if key != "subject"}
        digests = tuple(dict.fromkeys(_digests(kept)))
    except (ValueError, RecursionError):
        raise Unreadable from None
    children = tuple(_of(entry) for entry in document.get("manifests") or () if isinstance(entry, dict))
    return StoredReferences(
        digests,
        tuple(child for child in children if child is not None),
        _of(document["subject"]) if isinstance(document.get("subject"), dict) else None,
    )


def _digests(value: Any) -> Iterator[Digest]:
    if isinstance(value, dict):
        for key in ("digest", "blobSum"):
            digest = _parse(value.get(key))
            if digest is not None:
                yield digest
        for inner in value.values():
            yield from _digests(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _digests(inner)


def _of(descriptor: dict[str, Any]) -> Digest | None:
    return _parse(descriptor.get("digest"))


def _parse(text: Any) -> Digest | None:
    try:
        return Digest.parse(text) if isinstance(text, str) else None
    except DigestInvalid:
        return None
