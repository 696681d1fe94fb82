"""Which media type stored manifest bytes have; Distribution's layout keeps none beside them."""

from __future__ import annotations

import json

from attrs import frozen

from txregistry.oci import mediatypes


@frozen
class StoredManifest:
    """Bytes as they were pushed, and what they say they are."""

    content: bytes
    media_type: str


def stored_manifest(content: bytes) -> StoredManifest:
    """Tell the media type of what was accepted once, by whichever registry; nothing is judged again.

    Without a `mediaType` in it, a document with `manifests` is an OCI index and any other an OCI manifest.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return StoredManifest(content, mediatypes.OCTET_STREAM)
    declared = document.get("mediaType")
    if isinstance(declared, str) and declared.isascii() and declared.isprintable() and declared:
        return StoredManifest(content, declared)
    if document.get("schemaVersion") == 1:
        signed = "signatures" in document
        return StoredManifest(content, mediatypes.SCHEMA1_SIGNED if signed else mediatypes.SCHEMA1)
    return StoredManifest(content, mediatypes.OCI_INDEX if "manifests" in document else mediatypes.OCI_MANIFEST)
