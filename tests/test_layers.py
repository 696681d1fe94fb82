"""Imports point down only: no layer knows of one above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "txregistry"

DOWN = ("cli", "daemon", "api", "auth", "registry", "storage", "config", "oci", "http", "concurrency")
# What each layer may import, itself included. `http` could be released on its own, so only api and daemon see it;
# `testing` is for authors of drivers, and nothing imports it.
ALLOWED = {
    **{layer: {*DOWN[place:]} - {"http"} for place, layer in enumerate(DOWN)},
    "daemon": {*DOWN[1:]},
    "api": {*DOWN[2:]},
    "auth": {"auth", "config", "oci", "concurrency"},
    "http": {"http", "concurrency"},
    "testing": {"testing", "storage", "oci", "concurrency"},
    "__init__.py": set(),
}


def imports(module: Path) -> Iterator[str]:
    """Dotted names of everything that the module imports, wherever in its text."""
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


EDGES = [
    (module.relative_to(PACKAGE).as_posix(), name)
    for module in sorted(PACKAGE.rglob("*.py"))
    for name in imports(module)
]


def test_a_module_imports_from_its_own_layer_and_those_below() -> None:
    def upward(module: str, name: str) -> bool:
        package, _, rest = name.partition(".")
        layer = rest.partition(".")[0]
        return package == "" or (
            package == "txregistry" and layer != "__version__" and layer not in ALLOWED[module.partition("/")[0]]
        )

    assert [edge for edge in EDGES if upward(*edge)] == []


def test_the_global_reactor_is_for_the_outermost_modules() -> None:
    takers = {module for module, name in EDGES if name == "twisted.internet.reactor"}
    assert {module for module in takers if module != "daemon/tap.py" and not module.startswith("cli/")} == set()


def test_the_values_of_the_specification_need_no_framework() -> None:
    assert [edge for edge in EDGES if edge[0].startswith("oci/") and edge[1].startswith(("twisted.", "klein."))] == []
