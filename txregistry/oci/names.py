"""Repository names, tags and upload ids, parsed once at the edge."""

from __future__ import annotations

import re
import secrets

from attrs import frozen

from txregistry.oci.digest import Digest
from txregistry.oci.errors import NameInvalid, TagInvalid

# distribution-spec, "Pulling manifests": the grammar of <name> and of a tag. A name's 255 characters are a limit of
# clients, host included; Distribution enforces it on the name and so do we.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_NAME_LIMIT = 255
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_UPLOAD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@frozen(order=True)
class RepositoryName:
    """`<name>` of the specification."""

    text: str

    @classmethod
    def parse(cls, text: str) -> RepositoryName:
        """Raise `NameInvalid`."""
        if len(text) > _NAME_LIMIT or _NAME.fullmatch(text) is None:
            raise NameInvalid(text)
        return cls(text)

    def __str__(self) -> str:
        return self.text


@frozen(order=True)
class Tag:
    """A name that moves from manifest to manifest."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Tag:
        """Raise `TagInvalid`."""
        if _TAG.fullmatch(text) is None:
            raise TagInvalid(text)
        return cls(text)

    def __str__(self) -> str:
        return self.text


Reference = Tag | Digest


def parse_reference(text: str) -> Reference:
    """`<tag-or-digest>`: a colon can only stand in a digest. Raise `TagInvalid` or `DigestInvalid`."""
    return Digest.parse(text) if ":" in text else Tag.parse(text)


@frozen
class UploadId:
    """Names one upload session; 122 random bits, in the form of a UUID as Distribution writes it."""

    text: str

    @classmethod
    def parse(cls, text: str) -> UploadId | None:
        """None where it cannot be one of ours or of Distribution's."""
        return cls(text) if _UPLOAD_ID.fullmatch(text) else None

    @classmethod
    def new(cls) -> UploadId:
        """A fresh one (RFC 9562, version 4)."""
        digits = f"{secrets.randbits(128) & ~(0xF << 76) & ~(0x3 << 62) | (4 << 76) | (2 << 62):032x}"
        return cls("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))

    def __str__(self) -> str:
        return self.text
