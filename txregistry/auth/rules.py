"""Who may do what in which repository, by the rules of `txregistry.access`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from txregistry.auth.interfaces import Action, Identity
from txregistry.config.access import Access, AccessRule

# Each action but DELETE includes those before it.
_LADDER = (Action.LIST, Action.PULL, Action.CREATE, Action.PUSH)
_INCLUDED: Mapping[Action, frozenset[Action]] = {
    **{action: frozenset(_LADDER[: place + 1]) for place, action in enumerate(_LADDER)},
    Action.DELETE: frozenset({Action.DELETE}),
}
_EVERYTHING = frozenset(Action)
_NOTHING: frozenset[Action] = frozenset()
# How many answers are kept; a walk through a larger catalog begins anew.
_MOST_KEPT = 10_000


@frozen
class Reason:
    """What decides: a pattern, None where none matches; and for whom it gives the right, empty where for nobody."""

    pattern: str | None
    holders: tuple[str, ...]


@frozen
class _Rule:
    """A rule whose actions are those that are written and all that they include."""

    pattern: str
    names: re.Pattern[str]
    anonymous: frozenset[Action]
    authenticated: frozenset[Action]
    users: Mapping[str, frozenset[Action]]
    groups: Mapping[str, frozenset[Action]]
    immutable: tuple[re.Pattern[str], ...]


class AccessRules:
    """The longest pattern that matches decides alone; whoever it gives nothing has nothing."""

    def __init__(self, access: Access) -> None:
        rules = [_compiled(pattern, rule) for pattern, rule in access.repositories]
        # Of two that are as long as each other, the one with fewer wildcards is the closer one.
        self._rules = sorted(rules, key=lambda rule: (-len(rule.pattern), len(re.findall(r"[*?]", rule.pattern))))
        self._groups: dict[str, set[str]] = {}
        for group, users in access.groups:
            for user in users:
                self._groups.setdefault(user, set()).add(group)
        self._admins, self._admin_groups = frozenset(access.admins.users), frozenset(access.admins.groups)
        self._kept: dict[tuple[str, str | None, frozenset[str]], frozenset[Action]] = {}

    def allows(self, identity: Identity, repository: str, action: Action) -> bool:
        """Whether this is a right of theirs."""
        key = (repository, identity.user, identity.groups)
        rights = self._kept.get(key)
        if rights is None:
            rights = self._rights(identity, self._rule(repository))
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = rights
        return action in rights

    def allows_anything(self, identity: Identity) -> bool:
        """Whether there is any repository that they have a right to."""
        return self._is_admin(identity) or any(self._rights(identity, rule) for rule in self._rules)

    def allows_everything(self, identity: Identity) -> bool:
        """Whether they have every right to every repository."""
        if self._is_admin(identity):
            return True
        return any(rule.pattern == "**" for rule in self._rules) and all(
            self._rights(identity, rule) == _EVERYTHING for rule in self._rules
        )

    def keeps(self, identity: Identity, repository: str, tag: str) -> bool:
        """Whether a tag that exists must not be moved by them."""
        if not self.allows(identity, repository, Action.PUSH):
            return True
        rule = self._rule(repository)
        return rule is not None and any(pattern.fullmatch(tag) for pattern in rule.immutable)

    def reason(self, identity: Identity, repository: str, action: Action) -> Reason:
        """Why it is allowed or not, for whoever wonders."""
        rule = self._rule(repository)
        holders = ["an administrator"] if self._is_admin(identity) else []
        if rule is not None:
            holders += [holder for holder, actions in self._sources(identity, rule) if action in actions]
        return Reason(None if rule is None else rule.pattern, tuple(holders))

    def _rights(self, identity: Identity, rule: _Rule | None) -> frozenset[Action]:
        if self._is_admin(identity):
            return _EVERYTHING
        if rule is None:
            return _NOTHING
        return _NOTHING.union(*(actions for _, actions in self._sources(identity, rule)))

    def _sources(self, identity: Identity, rule: _Rule) -> Iterable[tuple[str, frozenset[Action]]]:
        yield "anonymous", rule.anonymous
        if identity.user is not None:
            yield "authenticated", rule.authenticated
            yield f"user {identity.user}", rule.users.get(identity.user, _NOTHING)
            for group in sorted(self._groups_of(identity)):
                yield f"group {group}", rule.groups.get(group, _NOTHING)

    def _groups_of(self, identity: Identity) -> frozenset[str]:
        return identity.groups.union(self._groups.get(identity.user or "", ()))

    def _is_admin(self, identity: Identity) -> bool:
        if identity.user is None:
            return False
        return identity.user in self._admins or not self._admin_groups.isdisjoint(self._groups_of(identity))

    def _rule(self, repository: str) -> _Rule | None:
        return next((rule for rule in self._rules if rule.names.fullmatch(repository)), None)


def _compiled(pattern: str, rule: AccessRule) -> _Rule:
    return _Rule(
        pattern,
        expression(pattern),
        _actions(rule.anonymous),
        _actions(rule.authenticated),
        {name: _actions(words) for name, words in rule.users},
        {name: _actions(words) for name, words in rule.groups},
        tuple(expression(tag) for tag in rule.immutabletags),
    )


def _actions(words: Iterable[str]) -> frozenset[Action]:
    return _NOTHING.union(*(_INCLUDED[Action(word)] for word in words))


def expression(pattern: str) -> re.Pattern[str]:
    """What a pattern of names matches. Only `**` passes over a slash."""
    parts = re.split(r"(\*+|\?)", pattern)
    return re.compile("".join(_part(part) for part in parts))


def _part(part: str) -> str:
    if part.startswith("**"):
        return ".*"
    if part == "*":
        return "[^/]*"
    return "[^/]" if part == "?" else re.escape(part)
