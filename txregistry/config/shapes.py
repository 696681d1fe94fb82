"""Which keys a document may have, and of what kind the value below each of them is."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, evolve, frozen


@frozen
class Shape:
    """One place in a document.

    A place is a single value, unless it holds named keys (`keys`), items (`item`) or keys that anybody may choose
    (`other`); `table` says that it holds keys although there are none yet. `short` says that a bare word stands for a
    table with that one key (`storage: inmemory`). `spellings` maps further names of keys to the right one: Go's names,
    which Distribution expects in the environment. `here` is False for what Distribution knows and this registry does
    not do yet.
    """

    keys: Mapping[str, Shape] = Factory(dict)
    item: Shape | None = None
    other: Shape | None = None
    table: bool = False
    short: bool = False
    spellings: Mapping[str, str] = Factory(dict)
    here: bool = True

    @property
    def is_value(self) -> bool:
        """Whether a single value belongs here."""
        return not self.keys and self.item is None and self.other is None and not self.table

    def below(self, key: str) -> Shape | None:
        """The shape of a key's value, or None where there is no such key."""
        return self.keys.get(key, self.other)

    def merged(self, more: Shape) -> Shape:
        """Both together; where they disagree, this one wins, and what either has is here counts as here."""
        keys = dict(more.keys)
        for key, shape in self.keys.items():
            keys[key] = shape.merged(keys[key]) if key in keys else shape
        return evolve(
            self,
            keys=keys,
            item=self.item or more.item,
            other=self.other or more.other,
            table=self.table or more.table,
            short=self.short or more.short,
            spellings={**more.spellings, **self.spellings},
            here=self.here or more.here,
        )


VALUE = Shape()
# A table or value into which nobody looks.
ANYTHING = Shape(other=Shape(other=Shape(other=VALUE)))


def values(names: str, /, **sections: Shape) -> Shape:
    """A table of single values, whose names are given as one string of words, and of the sections given by keyword."""
    return Shape(keys={**dict.fromkeys(names.split(), VALUE), **sections})


def listed(item: Shape = VALUE) -> Shape:
    """A list."""
    return Shape(item=item)


def mapped(value: Shape = VALUE) -> Shape:
    """A table whose keys anybody may choose."""
    return Shape(other=value)


def nested(path: str, shape: Shape) -> Shape:
    """The shape under a dotted path of keys."""
    for key in reversed(path.split(".")):
        shape = Shape(keys={key: shape})
    return shape


def not_yet(shape: Shape) -> Shape:
    """The same place, which this registry does not serve yet."""
    return evolve(shape, here=False)
