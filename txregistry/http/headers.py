"""The header fields of a received message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Field = tuple[bytes, bytes]


class Headers:
    """Fields in the order in which they came; names are lower-case bytes, values are stripped bytes."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Sequence[Field] = ()) -> None:
        self._fields = fields

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, or None. The name is given in lower case."""
        for field, value in self._fields:
            if field == name:
                return value
        return None

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field, in order. The name is given in lower case."""
        return [value for field, value in self._fields if field == name]

    def text(self, name: bytes) -> str | None:
        """The first value as text (ISO 8859-1, RFC 9110 §5.5), or None."""
        value = self.get(name)
        return None if value is None else value.decode("latin-1")

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
