"""From YAML text to a tree of nodes, within bounds that hold for any input.

Built on the parser's events, because composing recurses in C and constructing loses both the source text and the
line. Anchors, aliases and merge keys work; what they expand to is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

import yaml
from attrs import Factory, define, frozen

from txregistry.config.nodes import Entry, Items, Node, Scalar, Table
from txregistry.config.problems import Report

LONGEST = 1024 * 1024  # characters of a document
MOST_NODES = 20_000  # after the expansion of aliases
DEEPEST = 40

# libyaml's parser is the one that Go's was translated from: PyYAML's own refuses some of what they take, such as a tab
# behind a colon. A PyYAML that was built without it still reads nearly every file.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML 1.1, "c-printable".
_FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

_CORE_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))


@frozen
class Malformed(Exception):
    """The text is no YAML that can be used; `where` as in `Problem`."""

    message: str
    where: str


@frozen
class _Built:
    """A finished node, with what it weighs once its aliases are expanded."""

    node: Node
    nodes: int
    depth: int


@define
class _Open:
    """A list or table whose end has not come yet."""

    is_table: bool
    where: str
    path: str
    anchor: str | None
    nodes: int = 1
    depth: int = 0
    items: list[Node] = Factory(list)
    entries: dict[str, Entry] = Factory(dict)
    merged: list[Table] = Factory(list)
    key: Scalar | None = None

    def child_path(self) -> str:
        """The key path of the value that comes next."""
        if not self.is_table:
            return f"{self.path}[{len(self.items)}]"
        key = self.key.text if self.key is not None else ""
        return f"{self.path}.{key}" if self.path else key

    def close(self) -> _Built:
        """All children have come."""
        node: Node
        if self.is_table:
            for table in self.merged:
                for entry in table.entries:
                    self.entries.setdefault(entry.key, entry)
            node = Table(tuple(self.entries.values()), self.where)
        else:
            node = Items(tuple(self.items), self.where)
        return _Built(node, self.nodes, self.depth + 1)


class _Builder:
    """Makes one tree of the events of one document."""

    def __init__(self, origin: Callable[[int], str], report: Report) -> None:
        self._origin = origin
        self._report = report
        self._open: list[_Open] = []
        self._anchors: dict[str, _Built | None] = {}
        self.root: Node | None = None

    def take(self, event: yaml.Event, line: int) -> None:
        """One more event. Raise `Malformed`."""
        where = self._origin(line)
        if isinstance(event, yaml.DocumentStartEvent):
            if self.root is not None:
                raise Malformed("a second document begins here: a configuration is one document", where)
        elif isinstance(event, yaml.AliasEvent):
            built = self._anchors.get(event.anchor or "")
            if built is None:
                raise Malformed(f"the alias *{event.anchor} names nothing that is complete before it", where)
            self._add(built, where)
        elif isinstance(event, yaml.ScalarEvent):
            self._check_tag(event.tag, where)
            if any("\ud800" <= character <= "\udfff" for character in event.value):
                raise Malformed("half of a surrogate pair is no character", where)
            self._finish(_Built(Scalar(event.value, where, not event.style), 1, 1), event.anchor, where)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._check_tag(event.tag, where)
            if len(self._open) >= DEEPEST:
                raise Malformed(f"nested more than {DEEPEST} levels deep", where)
            path = self._open[-1].child_path() if self._open else ""
            self._open.append(_Open(isinstance(event, yaml.MappingStartEvent), where, path, event.anchor))
            if event.anchor is not None:
                self._anchors[event.anchor] = None
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self._open.pop()
            self._finish(done.close(), done.anchor, done.where)

    def _check_tag(self, tag: str | None, where: str) -> None:
        if tag is not None and tag not in _CORE_TAGS and tag != "!":
            raise Malformed(f"the tag {tag} has no meaning here", where)

    def _finish(self, built: _Built, anchor: str | None, where: str) -> None:
        if anchor is not None:
            self._anchors[anchor] = built
        self._add(built, where)

    def _add(self, built: _Built, where: str) -> None:
        if not self._open:
            self.root = built.node
            return
        parent = self._open[-1]
        parent.nodes += built.nodes
        parent.depth = max(parent.depth, built.depth)
        if parent.nodes > MOST_NODES:
            raise Malformed(f"more than {MOST_NODES} values, aliases expanded", where)
        if parent.depth >= DEEPEST:
            raise Malformed(f"nested more than {DEEPEST} levels deep, aliases expanded", where)
        if not parent.is_table:
            parent.items.append(built.node)
        elif parent.key is None:
            if not isinstance(built.node, Scalar):
                raise Malformed("a key must be a plain word, not a list or a mapping", where)
            # The key may be an alias: its place is here, not where the anchor stands.
            parent.key = Scalar(built.node.text, where, built.node.plain)
        else:
            self._add_entry(parent, parent.key, built.node)
            parent.key = None

    def _add_entry(self, parent: _Open, key: Scalar, value: Node) -> None:
        if key.plain and key.text == "<<":
            tables = value.items if isinstance(value, Items) else (value,)
            for table in tables:
                if not isinstance(table, Table):
                    raise Malformed("<< merges mappings only", key.where)
                parent.merged.append(table)
            return
        first = parent.entries.get(key.text)
        if first is not None:
            self._report.add(parent.child_path(), f"the key stands here twice, first at {first.where}", key.where)
            return
        parent.entries[key.text] = Entry(key.text, key.where, value)


class _Mark(Protocol):
    """A place in the text; `line` counts from 0."""

    line: int


def _line(mark: _Mark | None, otherwise: int) -> int:
    return otherwise if mark is None else mark.line + 1


def parse(text: str, origin: Callable[[int], str], report: Report) -> Node:
    """The tree of one document; `origin` turns a line number, from 1 on, into a place for messages.

    A key that stands twice is noted in the report and its first value kept. Raise `Malformed` for all that leaves no
    tree to speak of.
    """
    if len(text) > LONGEST:
        raise Malformed(f"longer than {LONGEST} characters", origin(1))
    forbidden = _FORBIDDEN.search(text)
    if forbidden is not None:
        line = text.count("\n", 0, forbidden.start()) + 1
        raise Malformed(f"not YAML: the character U+{ord(forbidden[0]):04X} is not allowed", origin(line))
    builder = _Builder(origin, report)
    line = 1
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            line = _line(event.start_mark, line)
            builder.take(event, line)
    except yaml.MarkedYAMLError as error:
        message = ", ".join(part for part in (error.context, error.problem) if part)
        # At its end libyaml counts one line more than there are.
        line = min(_line(error.problem_mark or error.context_mark, line), text.count("\n") + 1)
        raise Malformed(f"not YAML: {message}", origin(line)) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets the errors of int() and chr() through for oversized escapes and version numbers.
        raise Malformed("not YAML: a number or escape is out of range", origin(line)) from error
    return builder.root if builder.root is not None else Scalar("", origin(1))
