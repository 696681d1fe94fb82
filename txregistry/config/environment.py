"""Overrides of the configuration by variables `REGISTRY_SECTION_KEY`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from txregistry.config.document import SHAPE, expanded, unknown_key
from txregistry.config.nodes import Items, Node, Scalar, Table
from txregistry.config.parsing import Malformed, parse
from txregistry.config.problems import Kind, Problem, Refused, Report
from txregistry.config.shapes import Shape

PREFIX = "REGISTRY_"
# Names the file; see `load.find_configuration`.
CONFIGURATION_PATH = "REGISTRY_CONFIGURATION_PATH"

# More digits are beyond the end of any list.
_INDEX = re.compile(r"[0-9]{1,5}")

_Step = tuple[str | int, Shape]  # a key or an index, and the shape of what is there


def apply_environment(root: Table, environ: Mapping[str, str], report: Report) -> Table:
    """The document with every override in its place.

    In order of their names, so that `REGISTRY_STORAGE`, which replaces the whole section, comes before
    `REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY`. Values are YAML. Keys are found by Go's names of the fields, as with
    Distribution, and by their YAML spelling. Variables that name nothing are noted as unknown keys.
    """
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name == CONFIGURATION_PATH:
            continue
        with report.collecting():
            steps = _resolve(name, report)
            if steps is None:
                continue
            path = ".".join(str(step) for step, _ in steps)
            value = _value(environ[name], steps[-1][1], path, name, report)
            changed = _put(root, SHAPE, steps, value, path, name)
            assert isinstance(changed, Table)  # the first step is a key
            root = changed
    return root


def _resolve(name: str, report: Report) -> list[_Step] | None:
    """The way through the document that a variable names, or None when it is noted as unknown."""
    words = name.removeprefix(PREFIX).split("_")
    path = ".".join(word.lower() for word in words)
    if name != name.upper() or words == ["VERSION"]:
        report.add(path, "no option of this name can be set by the environment", name, Kind.UNKNOWN)
        return None
    steps: list[_Step] = []
    shape = SHAPE
    for word in words:
        if shape.item is not None:
            if _INDEX.fullmatch(word) is None:
                raise Refused(Problem(path, f"{word} is not an index of a list", name))
            steps.append((int(word), shape.item))
            shape = shape.item
            continue
        key = word.lower()
        key = shape.spellings.get(key, key)
        below = shape.below(key) if key else None
        if below is None:
            unknown_key(path, shape, key, name, report)
            return None
        steps.append((key, below))
        shape = below
    return steps


def _value(text: str, shape: Shape, path: str, name: str, report: Report) -> Node:
    """What a variable says. Raise `Refused`.

    Where a single value belongs, text that YAML takes for something else is meant as it stands: `[::1]:5000`, or a
    secret that begins with `@`. Distribution refuses these unless they are quoted once more.
    """
    try:
        node = parse(text, lambda _line: name, Report() if shape.is_value else report)
    except Malformed as malformed:
        if not shape.is_value or not text.isprintable():
            raise Refused(Problem(path, malformed.message, name)) from malformed
        return Scalar(text, name)
    return node if isinstance(node, Scalar) or not shape.is_value else Scalar(text, name)


def _put(node: Node | None, shape: Shape, steps: list[_Step], value: Node, path: str, name: str) -> Node:
    """The node with the value put where the steps lead. Raise `Refused` where it does not fit."""
    if not steps:
        return value
    (step, below), rest = steps[0], steps[1:]
    if node is None or node.is_unset:
        node = Items((), name) if isinstance(step, int) else Table((), name)
    node = expanded(node, shape)
    if isinstance(step, int):
        if not isinstance(node, Items):
            raise Refused(Problem(path, f"there is no list to put an item into: {node.where}", name))
        if step > len(node.items):
            raise Refused(Problem(path, f"the list has {len(node.items)} items: the next index is that", name))
        old = node.items[step] if step < len(node.items) else None
        new = _put(old, below, rest, value, path, name)
        return Items((*node.items[:step], new, *node.items[step + 1 :]), node.where)
    if not isinstance(node, Table):
        raise Refused(Problem(path, f"there is no section to put a key into: {node.where}", name))
    key = step
    if step not in shape.keys:
        # Free keys, such as names of headers, are written in any case; the environment knows one only.
        key = next((entry.key for entry in node.entries if entry.key.lower() == step), step)
    return node.put(key, name, _put(node.get(key), below, rest, value, path, name))
