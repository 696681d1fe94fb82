"""What a client says it can read (RFC 9110 §12.5.1), as far as a registry has to choose."""

from __future__ import annotations

from attrs import frozen

from txregistry.http.headers import Headers
from txregistry.oci import mediatypes


@frozen
class Accept:
    """The media types that a client named, without those it refused by `q=0`; empty where it said nothing."""

    types: frozenset[str]

    @classmethod
    def of(cls, headers: Headers) -> Accept:
        """All Accept lines together; Docker 1.10 sends one per type."""
        named: set[str] = set()
        for line in headers.all(b"accept"):
            for entry in line.decode("latin-1").split(","):
                media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
                if media_type and not any(_is_zero(parameter) for parameter in parameters):
                    named.add(media_type)
        return cls(frozenset(named))

    def allows(self, media_type: str) -> bool:
        """By name or by wildcard."""
        return bool(self.types & {media_type, "*/*", media_type.partition("/")[0] + "/*"})

    @property
    def wants_single_image(self) -> bool:
        """Whether it names image manifests and no index at all: a client from before multi-platform images."""
        return bool(self.types & mediatypes.IMAGES) and not self.types & mediatypes.INDEXES


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and not value.strip().strip("0.")
