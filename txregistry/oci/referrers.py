"""Referrers in the specification's formats: descriptor and index."""

from __future__ import annotations

from collections.abc import Iterable

from txregistry.oci import mediatypes
from txregistry.oci.descriptor import Descriptor
from txregistry.oci.digest import Digest
from txregistry.oci.manifest import Manifest

_OPENING = f'{{"schemaVersion":2,"mediaType":"{mediatypes.OCI_INDEX}","manifests":['.encode()
_CLOSING = b"]}"


def referrers_descriptor(manifest: Manifest, digest: Digest, size: int) -> Descriptor:
    """How a list of referrers names this manifest of `size` bytes (distribution-spec, "Listing Referrers")."""
    return Descriptor(
        manifest.media_type,
        digest,
        size,
        annotations=manifest.annotations,
        artifact_type=manifest.artifact_type,
    )


def build_index(descriptors: Iterable[bytes]) -> bytes:
    """The image index that answers a question for referrers, of descriptors as `Descriptor.encode` writes them."""
    return _OPENING + b",".join(descriptors) + _CLOSING
