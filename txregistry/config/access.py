"""The section `txregistry.access`: who may do what in which repository."""

from __future__ import annotations

import re

from attrs import Factory, field, frozen

from txregistry.config.forms import Form, Place, choice, listed, mapped, text
from txregistry.config.sections import option, read_section, section, shape_of

ACTIONS = ("list", "pull", "create", "push", "delete")

_ACTIONS = listed(choice(*ACTIONS))
_NAMES = listed(text)
_PATTERN = re.compile(r"[a-z0-9._/*?-]+")


def _pattern(place: Place) -> str:
    pattern = text.read(place)
    if re.fullmatch(r"[\w.*?-]+", pattern, re.ASCII) is None:
        raise place.refusal("must be a tag, in which * stands for any letters and ? for one")
    return pattern


@frozen
class AccessRule:
    """Rights in the repositories whose names match."""

    anonymous: tuple[str, ...] = field(default=(), metadata=option("What everybody may do.", _ACTIONS))
    authenticated: tuple[str, ...] = field(
        default=(), metadata=option("What everybody may do who has signed in.", _ACTIONS)
    )
    users: tuple[tuple[str, tuple[str, ...]], ...] = field(
        default=(), metadata=option("What single users may do.", mapped(_ACTIONS))
    )
    groups: tuple[tuple[str, tuple[str, ...]], ...] = field(
        default=(), metadata=option("What the members of groups may do.", mapped(_ACTIONS))
    )
    immutabletags: tuple[str, ...] = field(
        default=(), metadata=option("Tags that nobody may move.", listed(Form("tag pattern", _pattern)))
    )


def _rules(place: Place) -> tuple[tuple[str, AccessRule], ...]:
    for pattern, value in place.entries():
        with place.report.collecting():
            if _PATTERN.fullmatch(pattern) is None:
                raise value.refusal("no pattern of repository names: they are written in small letters")
    return mapped(_RULE).read(place)


_RULE = Form("rule", lambda place: read_section(AccessRule, place), shape_of(AccessRule))


@frozen
class Admins:
    """Who may do everything."""

    users: tuple[str, ...] = field(default=(), metadata=option("Users who may do everything.", _NAMES))
    groups: tuple[str, ...] = field(default=(), metadata=option("Groups whose members may do everything.", _NAMES))


@frozen
class Access:
    """Rights per repository. Where the section is there, what it does not allow is forbidden."""

    groups: tuple[tuple[str, tuple[str, ...]], ...] = field(
        default=(), metadata=option("Groups, each with the names of its users.", mapped(_NAMES))
    )
    admins: Admins = field(default=Factory(Admins), metadata=section(Admins))
    repositories: tuple[tuple[str, AccessRule], ...] = field(
        default=(),
        metadata=option(
            "Rules by patterns of repository names: `*` stands for anything but a slash, `**` for anything, `?` for "
            "one letter. The longest pattern that matches decides alone. A rule says with `anonymous`, "
            "`authenticated`, `users` and `groups` who may `list`, `pull`, `create` (push, but move no tag), `push` "
            "and `delete`, and with `immutabletags` which tags nobody may move.",
            Form("mapping to rule", _rules, mapped(_RULE).shape),
        ),
    )


def doubt_unknown_groups(access: Access, place: Place) -> None:
    """Note groups that have rights and no members, for where no way to sign in knows of groups."""
    known = {name for name, _ in access.groups}
    named = {name for _, rule in access.repositories for name, _ in rule.groups} | set(access.admins.groups)
    for name in sorted(named - known):
        place.doubt(f"nobody is known to be in the group {name}")
