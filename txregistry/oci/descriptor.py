"""A descriptor: what a manifest says of content that it refers to."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from txregistry.oci.digest import Digest
from txregistry.oci.document import annotations_of, folded, list_of, quoted, refuse_variants, text_of, texts_of
from txregistry.oci.errors import DigestInvalid, ManifestInvalid

_KEYS = folded("mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType")
_REQUIRED = frozenset({"mediaType", "digest", "size"})
_PLATFORM_TEXTS = ("architecture", "os", "os.version", "variant")
_PLATFORM_LISTS = ("os.features", "features")
_PLATFORM_KEYS = folded(*_PLATFORM_TEXTS, *_PLATFORM_LISTS)
# The specification's int64.
_LARGEST_SIZE = 2**63 - 1


@frozen
class Descriptor:
    """image-spec, descriptor.md. `size` is in bytes; `platform` is kept as it was written."""

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(factory=dict)
    artifact_type: str | None = None
    platform: Mapping[str, Any] | None = None
    # Not part of a parsed descriptor's meaning for the registry, kept for completeness of referrers.
    data: str | None = None

    @classmethod
    def parse(cls, value: object, where: str) -> Descriptor:
        """From decoded JSON; raise `ManifestInvalid`, whose message calls the descriptor `where`.

        Keys that are not known are passed over (image-spec, considerations.md, "Extensibility": "Implementations
        processing content SHOULD NOT generate an error if they encounter an unknown property in a known media type").
        """
        if not isinstance(value, dict):
            raise ManifestInvalid(f"{where} must be an object")
        # Most descriptors of most manifests have these fields and no other.
        plain = value.keys() == _REQUIRED
        if not plain:
            refuse_variants(value, _KEYS, where)
        media_type = text_of(value, "mediaType", where)
        if media_type is None:
            raise ManifestInvalid(f"{where} has no mediaType")
        digest, size = _parse_digest(value, where), _parse_size(value, where)
        if plain:
            return cls(media_type, digest, size)
        return cls(
            media_type,
            digest,
            size,
            texts_of(value, "urls", where),
            annotations_of(value, where),
            text_of(value, "artifactType", where),
            _parse_platform(value, where),
            _parse_data(value, where),
        )

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the specification; what is not set is left out."""
        written: dict[str, Any] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.artifact_type:
            written["artifactType"] = self.artifact_type
        if self.annotations:
            written["annotations"] = dict(self.annotations)
        if self.urls:
            written["urls"] = list(self.urls)
        if self.platform is not None:
            written["platform"] = dict(self.platform)
        return written

    def encode(self) -> bytes:
        """The JSON text of the specification, without white space."""
        return json.dumps(self.as_json(), separators=(",", ":")).encode()


def parse_descriptors(found: Mapping[str, Any], key: str) -> tuple[Descriptor, ...]:
    """The descriptors that a manifest lists under `key`, none where it has no such list; raise `ManifestInvalid`."""
    return tuple(
        [
            Descriptor.parse(item, f"{key}[{position}]")
            for position, item in enumerate(list_of(found, key, "the manifest"))
        ]
    )


def _parse_digest(value: dict[str, Any], where: str) -> Digest:
    text = text_of(value, "digest", where)
    if text is None:
        raise ManifestInvalid(f"{where} has no digest")
    try:
        return Digest.parse(text)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{where} has an invalid digest {quoted(text)}: {error.reason}") from None


def _parse_size(value: dict[str, Any], where: str) -> int:
    size = value.get("size")
    # The type is asked for by name because True is an int too, and because Go refuses 10.0 and 1e1.
    if type(size) is not int:
        raise ManifestInvalid(f"{where} needs a size, an integer of bytes")
    if not 0 <= size <= _LARGEST_SIZE:
        raise ManifestInvalid(f"{where} has a size out of bounds: {size}")
    return size


def _parse_data(value: dict[str, Any], where: str) -> str | None:
    """The text as it was written. Go's decoder reads nothing of a document in which this is not Base 64."""
    data = text_of(value, "data", where)
    if data is not None:
        try:
            b64decode(data, validate=True)
        except ValueError:
            raise ManifestInvalid(f"data of {where} is not Base 64") from None
    return data


def _parse_platform(value: dict[str, Any], where: str) -> dict[str, Any] | None:
    platform = value.get("platform")
    if platform is None:
        return None
    where = f"the platform of {where}"
    if not isinstance(platform, dict):
        raise ManifestInvalid(f"{where} must be an object")
    refuse_variants(platform, _PLATFORM_KEYS, where)
    for key in _PLATFORM_TEXTS:
        text_of(platform, key, where)
    for key in _PLATFORM_LISTS:
        texts_of(platform, key, where)
    return platform
