"""The section `validation`."""

from __future__ import annotations

from typing import Literal

from attrs import Factory, evolve, field, frozen

from txregistry.config.expressions import Expression, expression
from txregistry.config.forms import Form, Place, boolean, choice, listed, text
from txregistry.config.sections import option, read_section, section, shape_of


@frozen
class URLs:
    """Which URLs a pushed manifest may name; none at all where both lists are empty."""

    allow: tuple[Expression, ...] = field(
        default=(), metadata=option("One of these must be found in each URL.", listed(expression))
    )
    deny: tuple[Expression, ...] = field(
        default=(), metadata=option("None of these may be found in any URL.", listed(expression))
    )


@frozen
class Platform:
    """What an index says of the machines a manifest is for."""

    os: str = field(default="", metadata=option("The operating system, such as `linux`.", text))
    architecture: str = field(default="", metadata=option("The architecture, such as `amd64`.", text))


def _platform(place: Place) -> Platform:
    return read_section(Platform, place)


@frozen
class Indexes:
    """Which children of a pushed index must exist."""

    platforms: Literal["all", "none", "list"] = field(
        default="all",
        metadata=option(
            "All of them, none, or those for the platforms of platformlist.", choice("all", "none", "list")
        ),
    )
    platformlist: tuple[Platform, ...] = field(
        default=(),
        metadata=option(
            "The platforms, each with `os` and `architecture`, whose manifests must exist.",
            listed(Form("platform", _platform, shape_of(Platform))),
        ),
    )


@frozen
class Manifests:
    """What is asked of a pushed manifest."""

    urls: URLs = field(default=Factory(URLs), metadata=section(URLs))
    indexes: Indexes = field(default=Factory(Indexes), metadata=section(Indexes))


@frozen
class Validation:
    """What is checked when a manifest is pushed."""

    disabled: bool = field(
        default=False, metadata=option("Check nothing of what a pushed manifest refers to.", boolean)
    )
    manifests: Manifests = field(default=Factory(Manifests), metadata=section(Manifests))


def read_validation(place: Place) -> Validation:
    """The section. Raise `Refused`."""
    validation = read_section(Validation, place)
    enabled = place.find("enabled")
    # The older spelling wins over the newer one, and its `false` says nothing: so Distribution has it.
    if enabled is not None and boolean.read(enabled):
        return evolve(validation, disabled=False)
    return validation
