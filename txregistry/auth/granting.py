"""What the built-in token server grants of what a client asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from txregistry.auth.door import Rules
from txregistry.auth.interfaces import Action, Identity, Need
from txregistry.oci.errors import NameInvalid
from txregistry.oci.names import RepositoryName

# More resources than any client names for one push with its mounts.
_MOST_SCOPES = 100
# The class in brackets is that of Docker's plugins, and means nothing here.
_SCOPE = re.compile(r"([a-z]+)(?:\([a-z0-9]*\))?:(.+):([a-z*,]*)")
_ACTIONS = ("pull", "push", "delete")
# The least that each word is good for: tokens know fewer words than rules do. The door asks the rules again, whether
# a reader may only list and a pusher only create.
_LEAST = {"pull": Action.LIST, "push": Action.CREATE, "delete": Action.DELETE}


def parse_scopes(texts: Iterable[str]) -> tuple[Need, ...]:
    """Of the `scope` parameters, each with one scope or more between spaces; what is none is passed over."""
    found = [_SCOPE.fullmatch(word) for text in texts for word in text.split()[:_MOST_SCOPES]]
    return tuple(Need(scope[1], scope[2], tuple(scope[3].split(","))) for scope in found if scope)[:_MOST_SCOPES]


def granted(identity: Identity, rules: Rules | None, needs: Sequence[Need]) -> tuple[Need, ...]:
    """What this user may have of it; resources of which nothing is left are left out."""
    allowed: list[Need] = []
    for need in needs:
        actions = _granted(identity, rules, need)
        if actions:
            allowed.append(Need(need.kind, need.name, actions))
    return tuple(allowed)


def _granted(identity: Identity, rules: Rules | None, need: Need) -> tuple[str, ...]:
    if need.kind == "repository" and _is_name(need.name):
        asked = _ACTIONS if "*" in need.actions else tuple(action for action in _ACTIONS if action in need.actions)
        return tuple(action for action in asked if _may(identity, rules, need.name, action))
    if (need.kind, need.name, need.actions) == ("registry", "catalog", ("*",)) and identity.covers(need):
        anything = identity.user is not None or (rules is not None and rules.allows_anything(identity))
        return need.actions if anything else ()
    return ()


def _may(identity: Identity, rules: Rules | None, repository: str, action: str) -> bool:
    if not identity.covers(Need("repository", repository, (action,))):
        return False
    return identity.user is not None if rules is None else rules.allows(identity, repository, _LEAST[action])


def _is_name(text: str) -> bool:
    try:
        RepositoryName.parse(text)
    except NameInvalid:
        return False
    return True
