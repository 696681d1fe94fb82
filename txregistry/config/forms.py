"""How an option is written: what each kind of value accepts, and what it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from attrs import frozen

from txregistry.config.durations import BadDuration, format_duration, parse_duration, parse_nanoseconds
from txregistry.config.nodes import Items, Node, Scalar, Table
from txregistry.config.problems import Kind, Problem, Refused, Report
from txregistry.config.shapes import VALUE, Shape
from txregistry.config.shapes import listed as listed_shape
from txregistry.config.shapes import mapped as mapped_shape


@frozen
class Place:
    """A value of the document, the key path that leads to it, and where its problems are noted."""

    path: str
    node: Node
    report: Report

    def refusal(self, message: str) -> Refused:
        """To raise when the value cannot be taken."""
        return Refused(Problem(self.path, message, self.node.where))

    def doubt(self, message: str) -> None:
        """Note that the value is taken although it looks wrong."""
        self.report.add(self.path, message, self.node.where, Kind.DOUBTFUL)

    def scalar(self) -> Scalar:
        """The single value here. Raise `Refused`."""
        if not isinstance(self.node, Scalar):
            raise self.refusal("must be a single value")
        return self.node

    def items(self) -> list[Place]:
        """The items here; a single value counts as a list of one. Raise `Refused`."""
        if isinstance(self.node, Table):
            raise self.refusal("must be a list")
        if isinstance(self.node, Scalar):
            return [] if self.node.is_unset else [self]
        return [Place(f"{self.path}[{index}]", item, self.report) for index, item in enumerate(self.node.items)]

    def entries(self) -> Iterator[tuple[str, Place]]:
        """The keys here with their values; nothing counts as no keys. Raise `Refused`."""
        if isinstance(self.node, Items) or (isinstance(self.node, Scalar) and not self.node.is_unset):
            raise self.refusal("must be a mapping of keys to values")
        if isinstance(self.node, Table):
            for entry in self.node.entries:
                yield entry.key, Place(f"{self.path}.{entry.key}" if self.path else entry.key, entry.value, self.report)

    def find(self, path: str) -> Place | None:
        """The value under a dotted path below here, or None where it is missing or unset. Raise `Refused`."""
        place = self
        for key in path.split("."):
            found = dict(place.entries()).get(key)
            if found is None or found.node.is_unset:
                return None
            place = found
        return place


T = TypeVar("T")


@frozen
class Form(Generic[T]):
    """A kind of value: its name in the reference, its shape, and its reader, which raises `Refused`."""

    name: str
    read: Callable[[Place], T]
    shape: Shape = VALUE


_TRUE = frozenset({"y", "yes", "true", "on"})
_FALSE = frozenset({"n", "no", "false", "off"})
_INTEGER = re.compile(r"[0-9]{1,18}|0[xX][0-9a-fA-F]{1,15}|0o[0-7]{1,20}|0b[01]{1,62}")


def _boolean(place: Place) -> bool:
    word = place.scalar().text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise place.refusal("must be true or false")


def _text(place: Place) -> str:
    text = place.scalar().text
    if not text.isprintable():
        raise place.refusal("must not hold control characters")
    return text


def _duration(place: Place) -> float:
    text = place.scalar().text
    try:
        seconds = parse_nanoseconds(text)
        if seconds is None:
            return parse_duration(text)
    except BadDuration:
        raise place.refusal("must be a duration such as 30s or 1h30m") from None
    if seconds:
        place.doubt(f"a number without a unit counts nanoseconds: write {text}s if seconds are meant")
    return seconds


def _not_negative(place: Place) -> float:
    seconds = _duration(place)
    if seconds < 0:
        raise place.refusal("must not be negative")
    return seconds


def at_least(shortest: float) -> Form[float]:
    """A duration of at least so many seconds."""

    def read(place: Place) -> float:
        seconds = _duration(place)
        if seconds < shortest:
            raise place.refusal(f"must be at least {format_duration(shortest)}")
        return seconds

    return Form("duration", read)


boolean = Form("boolean", _boolean)
text = Form("text", _text)
duration = Form("duration", _not_negative)


def integer(at_least: int) -> Form[int]:
    """A whole number, in the notations that YAML 1.1 knows."""

    def read(place: Place) -> int:
        digits = place.scalar().text.replace("_", "")
        sign = digits[:1] if digits[:1] in ("-", "+") else ""
        digits = digits[len(sign) :]
        if _INTEGER.fullmatch(digits) is None:
            raise place.refusal("must be a whole number")
        try:
            # As Go's parser does, a leading zero means octal.
            value = int(digits, 8) if re.fullmatch(r"0[0-9]+", digits) else int(digits, 0)
        except ValueError:
            raise place.refusal("must be a whole number") from None
        value = -value if sign == "-" else value
        if value < at_least:
            raise place.refusal(f"must be at least {at_least}")
        return value

    return Form("number", read)


def choice(*words: str) -> Form[str]:
    """One of some words, in any case."""

    def read(place: Place) -> str:
        word = place.scalar().text.lower()
        if word not in words:
            raise place.refusal(f"must be one of {', '.join(words)}")
        return word

    return Form("one of " + ", ".join(f"`{word}`" for word in words), read)


def listed(form: Form[T]) -> Form[tuple[T, ...]]:
    """A list; becomes a tuple. Items that are refused are noted and left out."""

    def read(place: Place) -> tuple[T, ...]:
        result = []
        for item in place.items():
            with place.report.collecting():
                if item.node.is_unset:
                    raise item.refusal("must not be empty")
                result.append(form.read(item))
        return tuple(result)

    return Form(f"list of {form.name}", read, listed_shape(form.shape))


def mapped(form: Form[T]) -> Form[tuple[tuple[str, T], ...]]:
    """A table with free keys; becomes a tuple of pairs."""

    def read(place: Place) -> tuple[tuple[str, T], ...]:
        result = []
        for key, value in place.entries():
            with place.report.collecting():
                result.append((key, form.read(value)))
        return tuple(result)

    return Form(f"mapping to {form.name}", read, mapped_shape(form.shape))
