"""What a stored manifest of any format needs its repository to have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from txregistry.config.model import Validation
from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest
from txregistry.oci.errors import DigestInvalid
from txregistry.registry.collection.references import Unreadable

# Whether a child of an index with this platform must be there.
Wanted = Callable[[Mapping[str, Any]], bool]


@frozen
class Needs:
    """`blobs` make an image that can be pulled; `children` are the manifests of an index, with their platforms."""

    blobs: tuple[Digest, ...]
    children: tuple[tuple[Digest, Mapping[str, Any]], ...]


def needs(content: bytes) -> Needs:
    """Read leniently, as what was accepted once. Raise `Unreadable` where it is no JSON object."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not isinstance(document, dict):
        raise Unreadable
    blobs = [_digest(document.get("config"), "digest")]
    blobs += [_digest(layer, "digest") for layer in _list(document, "layers") if not _is_held_elsewhere(layer)]
    blobs += [_digest(layer, "blobSum") for layer in _list(document, "fsLayers")]
    return Needs(
        tuple(dict.fromkeys(digest for digest in blobs if digest is not None)),
        tuple(_children(_list(document, "manifests"))),
    )


def wanted_by(validation: Validation) -> Wanted:
    """Children that may be missing when an index is pushed may be missing later too."""
    indexes = validation.manifests.indexes
    if validation.disabled or indexes.platforms == "none":
        return lambda platform: False
    if indexes.platforms == "all":
        return lambda platform: True
    listed = {(platform.os, platform.architecture) for platform in indexes.platformlist}
    return lambda platform: not platform or (platform.get("os"), platform.get("architecture")) in listed


def _children(entries: list[Any]) -> Iterator[tuple[Digest, Mapping[str, Any]]]:
    for entry in entries:
        digest = _digest(entry, "digest")
        if digest is not None:
            platform = entry.get("platform")
            yield digest, platform if isinstance(platform, dict) else {}


def _list(document: dict[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _digest(descriptor: Any, key: str) -> Digest | None:
    text = descriptor.get(key) if isinstance(descriptor, dict) else None
    try:
        return Digest.parse(text) if isinstance(text, str) else None
    except DigestInvalid:
        return None


def _is_held_elsewhere(layer: Any) -> bool:
    if not isinstance(layer, dict) or not layer.get("urls"):
        return False
    return str(layer.get("mediaType")).startswith(mediatypes.FOREIGN_LAYERS)
