"""Manifests for tests, as the objects that their JSON says."""

from __future__ import annotations

import json
from typing import Any

from txregistry.oci import mediatypes
from txregistry.oci.digest import Digest

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"


def descriptor(content: bytes = b"{}", media_type: str = LAYER, **more: Any) -> dict[str, Any]:
    """Of some content."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **more}


def image(**changes: Any) -> dict[str, Any]:
    """An OCI image manifest; a change to `...` leaves the field out."""
    return _changed(
        {
            "schemaVersion": 2,
            "mediaType": mediatypes.OCI_MANIFEST,
            "config": descriptor(b"config", CONFIG),
            "layers": [descriptor(b"layer")],
        },
        changes,
    )


def index(**changes: Any) -> dict[str, Any]:
    """An OCI image index; a change to `...` leaves the field out."""
    child = descriptor(b"child", mediatypes.OCI_MANIFEST, platform={"architecture": "amd64", "os": "linux"})
    return _changed({"schemaVersion": 2, "mediaType": mediatypes.OCI_INDEX, "manifests": [child]}, changes)


def encoded(document: object) -> bytes:
    """As a client sends it."""
    return json.dumps(document).encode()


def _changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**document, **changes}.items() if value is not ...}
