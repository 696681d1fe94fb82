"""How many entries a page has: the `n` and `last` of a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from txregistry.oci.errors import PaginationInvalid

# More digits than any page size has; keeps a long string of them from costing anything.
_DIGITS = 18


def page_size(arguments: Mapping[str, Sequence[str]]) -> int | None:
    """The number that was asked for, None where none was; raise `PaginationInvalid`."""
    values = arguments.get("n")
    if not values:
        return None
    text = values[0]
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise PaginationInvalid(text[:_DIGITS])
    return int(text)


def last_seen(arguments: Mapping[str, Sequence[str]]) -> str | None:
    """Where the page begins, exclusive; None for the first."""
    values = arguments.get("last")
    return values[0] if values and values[0] else None
