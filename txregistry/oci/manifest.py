"""A manifest: from the bytes that were pushed to what they mean, with a reason for every refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from txregistry.oci import mediatypes
from txregistry.oci.descriptor import Descriptor, parse_descriptors
from txregistry.oci.document import annotations_of, folded, quoted, read_document, refuse_variants, text_of
from txregistry.oci.errors import ManifestInvalid

_THIS = "the manifest"
_KEYS = folded("schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations")
_FOREIGN_TO_IMAGES = ("manifests",)
_FOREIGN_TO_INDEXES = ("config", "layers")


@frozen
class Manifest:
    """An image manifest or an index of either family (image-spec, manifest.md and image-index.md).

    An image has a `config` and perhaps `layers`, an index perhaps `manifests`; neither ever has what is the other's.
    """

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    # What referrers are filtered by: an image without one of its own has its config's media type.
    artifact_type: str | None
    annotations: Mapping[str, str]


def parse_manifest(content: bytes, content_type: str | None) -> Manifest:
    """What `content` means when it is pushed with this Content-Type; raise `ManifestInvalid`.

    Parameters of the Content-Type are passed over. Without one, or with an empty one, the document's own `mediaType`
    counts; where there is neither, nothing tells an image from an artifact of another kind and it is refused, as
    Distribution 3 does. Where there are both, they must agree (CVE-2021-41190). The types of Docker need a `mediaType`
    in the document, because the layout on disk has no other place to keep it. Types other than the four are refused:
    arbitrary artifacts are OCI image manifests with an `artifactType` (image-spec, "Guidelines for Artifact Usage").
    """
    document = read_document(content)
    refuse_variants(document, _KEYS, _THIS)
    media_type = _media_type(document, content_type)
    if media_type in mediatypes.INDEXES:
        _refuse_keys(document, _FOREIGN_TO_INDEXES, "an index")
        if "manifests" not in document:
            raise ManifestInvalid("an index needs manifests, a list of descriptors")
        config = None
    else:
        _refuse_keys(document, _FOREIGN_TO_IMAGES, "an image manifest")
        if document.get("config") is None:
            raise ManifestInvalid("an image manifest needs a config, a descriptor")
        config = Descriptor.parse(document["config"], "config")
    # To Docker's own formats these fields are unknown ones, which may hold anything.
    extensions = document if media_type in mediatypes.OCI else {}
    subject = extensions.get("subject")
    return Manifest(
        media_type,
        config,
        parse_descriptors(document, "layers"),
        parse_descriptors(document, "manifests"),
        None if subject is None else Descriptor.parse(subject, "subject"),
        text_of(extensions, "artifactType", _THIS) or (None if config is None else config.media_type),
        annotations_of(extensions, _THIS),
    )


def _media_type(document: dict[str, Any], content_type: str | None) -> str:
    """Which of the four formats it is."""
    sent = (content_type or "").partition(";")[0].strip().lower()
    if sent in mediatypes.SCHEMA1_TYPES or _is_version(document, 1):
        raise ManifestInvalid("schema 1 manifests are not accepted; push with Docker 1.10 or newer")
    declared = text_of(document, "mediaType", _THIS)
    media_type = sent or declared
    if media_type is None:
        raise ManifestInvalid("the manifest has no mediaType and came without a Content-Type")
    if media_type not in mediatypes.MANIFESTS:
        raise ManifestInvalid(
            f"manifests of type {quoted(media_type)} are not accepted, only {', '.join(sorted(mediatypes.MANIFESTS))}"
        )
    if declared is None and media_type not in mediatypes.OCI:
        raise ManifestInvalid(f"a manifest of type {media_type!r} must say so in its mediaType")
    if declared is not None and declared != media_type:
        raise ManifestInvalid(f"the Content-Type is {media_type!r}, but the mediaType is {quoted(declared)}")
    if not _is_version(document, 2):
        raise ManifestInvalid("schemaVersion must be 2")
    return media_type


def _is_version(document: dict[str, Any], version: int) -> bool:
    found = document.get("schemaVersion")
    return type(found) is int and found == version


def _refuse_keys(document: dict[str, Any], keys: tuple[str, ...], kind: str) -> None:
    for key in keys:
        if key in document:
            raise ManifestInvalid(f"{kind} must not have {key} (CVE-2021-41190)")
