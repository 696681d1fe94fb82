"""A descriptor: what a manifest says of content that it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from txregistry.oci.digest import Digest


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
