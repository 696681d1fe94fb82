"""The reference of every option, in Markdown, from the model itself.

`python -m txregistry.config.reference > docs/reference/configuration.md` writes it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import attrs

from txregistry.config.distribution import DRIVERS_NOT_HERE, REST
from txregistry.config.durations import format_duration
from txregistry.config.model import Configuration
from txregistry.config.sections import Option, options
from txregistry.config.shapes import Shape
from txregistry.config.storage import DRIVERS

_HEAD = """\
# Configuration

<!-- Written by `python -m txregistry.config.reference` from the model in txregistry/config: change it there. -->

The configuration is a YAML file in the format of Distribution (`registry:2`, `registry:3`). `txregistry check-config`
tells everything that is wrong with one, with its line; with `--strict` it fails on warnings too.

## Overrides by the environment

Every option can be set by a variable: `REGISTRY_`, and the key path in upper case with `_` for each dot, so
`REGISTRY_HTTP_ADDR` sets `http.addr`. Values are YAML (`true`, `[a, b]`); where a single value belongs, text that is no
YAML is taken as it stands. Items of a list go by their index, and the index behind the last one appends:
`REGISTRY_HTTP_TLS_CLIENTCAS_0`. Variables are applied in the order of their names. `REGISTRY_STORAGE=inmemory` replaces
the whole section, `delete` and `maintenance` included. An empty variable sets an option back to its default. `version`
cannot be overridden.

## How values are written

Texts need no quotes: `secret: 0123` is the text `0123`. A duration is a number with a unit, `ns`, `us`, `ms`, `s`, `m`
or `h`, or several of these, such as `1h30m`; a number without a unit counts nanoseconds, which is warned of. An empty
text, or nothing, leaves an option at its default. Regular expressions are RE2's, as in Go; they are searched for
anywhere in the text unless `^` and `$` anchor them.
"""

_TAIL = """\
## Not supported yet

These options of Distribution are recognised. Where they are set, one warning at the start names them, and they are
ignored:

{ignored}

These would restrict who gets what, so the registry does not start where one is set: `proxy`, `policy`,
`http.tls.letsencrypt`, and `middleware`, unless its `disabled` is `true`; Distribution itself has no regard to that
switch. Nor does it start with one of the storage drivers {drivers}.

Any other key is warned of, with its line; inside the section `txregistry` it is an error.
"""


def render() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, rows in _sections():
        lines = [f"## {title}", ""] if title else []
        lines += ["| option | value | default | what it does |", "| --- | --- | --- | --- |", *rows, ""]
        parts.append("\n".join(lines))
    ignored = "\n".join(f"- `{path}`" for path in _not_here(REST, ""))
    drivers = ", ".join(f"`{driver}`" for driver in DRIVERS_NOT_HERE)
    parts.append(_TAIL.format(ignored=ignored, drivers=drivers))
    return "\n".join(parts)


def _sections() -> Iterator[tuple[str, list[str]]]:
    yield (
        "Options",
        [row for field, found in options(Configuration) if not found.section for row in _rows(field, found, "")],
    )
    for field, found in options(Configuration):
        rows = list(_rows(field, found, "")) if found.section else []
        if found.key == "storage":
            drivers = [row for name, cls in DRIVERS.items() for row in _driver(name, cls)]
            rows = [*drivers, *rows]
        if rows:
            yield f"`{found.key}`", rows


def _rows(field: attrs.Attribute[Any], found: Option, above: str) -> Iterator[str]:
    path = f"{above}{found.key}"
    if found.section is not None:
        for inner, below in options(found.section):
            yield from _rows(inner, below, f"{path}.")
    else:
        default = f"`{found.shown}`" if found.shown else _default(field.default)
        yield _row(path, found.form.name, default, found.description)


def _driver(name: str, cls: type) -> Iterator[str]:
    summary = (cls.__doc__ or "").strip()
    yield _row(f"storage.{name}", "storage driver", "", summary)
    for field, found in options(cls):
        yield from _rows(field, found, f"storage.{name}.")


def _row(*cells: str) -> str:
    return "| " + " | ".join([f"`{cells[0]}`", *cells[1:]]) + " |"


def _default(value: object) -> str:
    if value is attrs.NOTHING or value is None or value in ("", ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    # The only fractions are durations.
    return f"`{format_duration(value)}`" if isinstance(value, float) else f"`{value}`"


def _not_here(shape: Shape, path: str) -> Iterator[str]:
    for key, below in sorted(shape.keys.items()):
        here = f"{path}.{key}" if path else key
        if below.here:
            yield from _not_here(below, here)
        else:
            yield here


if __name__ == "__main__":
    sys.stdout.write(render())
