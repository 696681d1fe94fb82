"""A document as a tree of values that know where they were written."""

from __future__ import annotations

from attrs import field, frozen

# What YAML reads as "nothing" when it is not quoted.
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


@frozen
class Scalar:
    """A single value, as its source text: whether it is a number is for whoever reads it to say."""

    text: str
    where: str
    plain: bool = True  # written without quotes

    @property
    def is_unset(self) -> bool:
        """Nothing, or an empty string: both leave an option at its default, as Go's zero values do."""
        return self.text == "" or (self.plain and self.text in _NOTHING)


@frozen
class Items:
    """A list."""

    items: tuple[Node, ...]
    where: str

    @property
    def is_unset(self) -> bool:
        """A list without items says nothing."""
        return not self.items


@frozen
class Entry:
    """One key of a table with its value; `where` is the key's place."""

    key: str
    where: str
    value: Node


@frozen
class Table:
    """A mapping, in the order in which it was written; no key stands in it twice."""

    entries: tuple[Entry, ...]
    where: str
    _values: dict[str, Node] = field(init=False, repr=False, eq=False)

    @_values.default
    def _by_key(self) -> dict[str, Node]:
        return {entry.key: entry.value for entry in self.entries}

    @property
    def is_unset(self) -> bool:
        """A table without entries says nothing."""
        return not self.entries

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        return self._values.get(key)

    def put(self, key: str, where: str, value: Node) -> Table:
        """The same table with one value replaced, or added at its end."""
        entry = Entry(key, where, value)
        if key not in self._values:
            return Table((*self.entries, entry), self.where)
        return Table(tuple(entry if old.key == key else old for old in self.entries), self.where)


Node = Scalar | Items | Table


def says_nothing(node: Node) -> bool:
    """Whether nothing is set anywhere below."""
    if isinstance(node, Items):
        return all(says_nothing(item) for item in node.items)
    if isinstance(node, Table):
        return all(says_nothing(entry.value) for entry in node.entries)
    return node.is_unset
