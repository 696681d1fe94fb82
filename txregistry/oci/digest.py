"""A digest: an algorithm and the hexadecimal hash of the content it addresses."""

from __future__ import annotations

import hashlib
import re

from attrs import frozen

from txregistry.oci.errors import DigestInvalid

# Content is addressed by these alone (image-spec, descriptor.md, "Registered algorithms").
HEX_LENGTHS = {"sha256": 64, "sha512": 128}
CANONICAL_ALGORITHM = "sha256"

_GRAMMAR = re.compile(r"(?P<algorithm>[a-z0-9]+(?:[+._-][a-z0-9]+)*):[a-zA-Z0-9=_-]+")
_SUPPORTED = re.compile("|".join(f"{algorithm}:[0-9a-f]{{{length}}}" for algorithm, length in HEX_LENGTHS.items()))


@frozen(order=True, repr=False)
class Digest:
    """Raise `DigestInvalid` from `parse` alone; a `Digest` that exists is of a supported algorithm and well formed."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """From `sha256:…`; raise `DigestInvalid`."""
        if _SUPPORTED.fullmatch(text) is None:
            raise DigestInvalid(text, _why_invalid(text))
        algorithm, _, encoded = text.partition(":")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, content: bytes, algorithm: str = CANONICAL_ALGORITHM) -> Digest:
        """Of content in memory."""
        return cls(algorithm, hashlib.new(algorithm, content).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    def __repr__(self) -> str:
        return f"Digest({self})"


def _why_invalid(text: str) -> str:
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        return "not of the form algorithm:hex"
    length = HEX_LENGTHS.get(match["algorithm"])
    if length is None:
        return f"unsupported algorithm; supported are {', '.join(HEX_LENGTHS)}"
    return f"{match['algorithm']} needs {length} lower-case hexadecimal digits"
