"""A whole document before it is read: its shape, its older spellings, and its keys that nobody will read."""

from __future__ import annotations

from difflib import get_close_matches

from txregistry.config.distribution import REST
from txregistry.config.model import Configuration
from txregistry.config.nodes import Items, Node, Scalar, Table
from txregistry.config.problems import Kind, Report
from txregistry.config.sections import shape_of
from txregistry.config.shapes import Shape, nested
from txregistry.config.storage import DRIVER_SHAPE

SHAPE = shape_of(Configuration).merged(nested("storage", DRIVER_SHAPE)).merged(REST)

# Inside our own section there is no Distribution to be lenient for.
OWN_SECTION = "txregistry"


def expanded(node: Node, shape: Shape) -> Node:
    """With a bare word written out as the table it stands for (`storage: inmemory`)."""
    if shape.short and isinstance(node, Scalar) and not node.is_unset:
        return Table((), node.where).put(node.text, node.where, Scalar("", node.where))
    return node


def modernised(root: Table) -> Table:
    """The same document with short forms written out, and `loglevel` as the `log.level` it stood for."""
    for entry in root.entries:
        shape = SHAPE.below(entry.key)
        if shape is not None:
            root = root.put(entry.key, entry.where, expanded(entry.value, shape))
    level, log = root.get("loglevel"), root.get("log")
    if level is None or level.is_unset:
        return root
    if log is None or log.is_unset:
        log = Table((), level.where)
    if isinstance(log, Table) and ((present := log.get("level")) is None or present.is_unset):
        root = root.put("log", log.where, log.put("level", level.where, level))
    return root


def survey(root: Table, source: str, report: Report) -> None:
    """Note every key that is not known, and in one warning all those that are known but not served yet."""
    pending: list[str] = []
    _survey(root, SHAPE, "", report, pending)
    if pending:
        # The problem's own place names the file.
        pending = [place.replace(f"({source}:", "(line ") for place in pending]
        message = f"Distribution's options that are not supported yet and are ignored: {', '.join(pending)}"
        report.add("", message, source, Kind.UNSUPPORTED)


def unknown_key(path: str, shape: Shape, key: str, where: str, report: Report) -> None:
    """Note a key that is not in the shape, under the path that includes it."""
    near = get_close_matches(key, shape.keys, n=1, cutoff=0.75)
    hint = f"; did you mean {near[0]}?" if near else ""
    kind = Kind.ERROR if path.split(".", 1)[0] == OWN_SECTION else Kind.UNKNOWN
    report.add(path, f"unknown key{hint}", where, kind)


def _survey(node: Node, shape: Shape, path: str, report: Report, pending: list[str]) -> None:
    if isinstance(node, Items) and shape.item is not None:
        for index, item in enumerate(node.items):
            _survey(item, shape.item, f"{path}[{index}]", report, pending)
    elif isinstance(node, Table) and not shape.is_value:
        for entry in node.entries:
            below = shape.below(entry.key)
            here = f"{path}.{entry.key}" if path else entry.key
            if below is None:
                unknown_key(here, shape, entry.key, entry.where, report)
                continue
            if not below.here and _is_active(entry.value):
                pending.append(f"{here} ({entry.where})")
            _survey(entry.value, below, here, report, pending)


def _is_active(node: Node) -> bool:
    """Whether anything would happen if this were served: not where it is empty or switched off."""
    if isinstance(node, Scalar):
        return not node.is_unset and node.text.lower() not in ("false", "no", "off")
    if isinstance(node, Items):
        return any(_is_active(item) for item in node.items)
    for switch, off in (("enabled", False), ("disabled", True)):
        value = node.get(switch)
        if isinstance(value, Scalar) and not value.is_unset and _is_active(value) is off:
            return False
    return any(_is_active(entry.value) for entry in node.entries)
