"""Sections of the configuration as attrs classes whose fields say how they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import attrs
from attrs import frozen

from txregistry.config.forms import Form, Place
from txregistry.config.shapes import Shape, nested

T = TypeVar("T")

_OPTION = "txregistry.option"


@frozen
class Option:
    """What a field's metadata says: the key it is read from, how that is written, and one sentence for the reference.

    `section` is the class below it, where the value is a section of its own; `shown` is the default as the reference
    tells it, where that is not the field's.
    """

    key: str
    description: str
    form: Form[Any]
    section: type | None = None
    shown: str = ""


def option(description: str, form: Form[Any], key: str = "", shown: str = "") -> dict[str, Any]:
    """Metadata of a field; the key is the field's name unless given, and may be a dotted path."""
    return {_OPTION: Option(key, description, form, shown=shown)}


def section(cls: type[Any], description: str = "", read: Callable[[Place], Any] | None = None) -> dict[str, Any]:
    """Metadata of a field that holds a section; `read` replaces the plain reading of the class."""

    def plain(place: Place) -> object:
        return read_section(cls, place)

    return {_OPTION: Option("", description, Form("section", read or plain, shape_of(cls)), cls)}


def options(cls: type[Any]) -> Iterator[tuple[attrs.Attribute[Any], Option]]:
    """The fields of a section that are read from the document, in order."""
    for field in attrs.fields(cls):
        found = field.metadata.get(_OPTION)
        if found is not None:
            yield field, attrs.evolve(found, key=found.key or field.name)


def shape_of(cls: type[Any]) -> Shape:
    """The keys that a section has."""
    shape = Shape(table=True)
    for _, found in options(cls):
        shape = shape.merged(nested(found.key, found.form.shape))
    return shape


def read_section(cls: type[T], place: Place) -> T:
    """A section from its place in the document.

    Options that are refused are noted and left at their defaults, so that the others are looked at too. Raise
    `Refused` when one that has no default is missing.
    """
    tuple(place.entries())  # refuses what is no table once, not for each option anew
    values: dict[str, Any] = {}
    for field, found in options(cls):
        with place.report.collecting():
            there = place.find(found.key)
            if there is not None:
                values[field.name] = found.form.read(there)
        if field.default is attrs.NOTHING and field.name not in values:
            raise place.refusal(f"needs {found.key}")
    return cls(**values)
