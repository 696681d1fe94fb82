"""Which rule decides, and what it gives to whom."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, problems
from txregistry.auth.interfaces import ANONYMOUS, Action, Identity
from txregistry.auth.rules import AccessRules

ALICE, BOB, CAROL, ROOT = (Identity(name) for name in ("alice", "bob", "carol", "root"))
ALL = set(Action)


def rules(text: str) -> AccessRules:
    access = configured(f"txregistry:\n  access: {text}").txregistry.access
    assert access is not None
    return AccessRules(access)


def rights(rules: AccessRules, identity: Identity, repository: str) -> set[Action]:
    return {action for action in Action if rules.allows(identity, repository, action)}


@pytest.mark.parametrize(
    ("word", "included"),
    [
        ("list", {Action.LIST}),
        ("pull", {Action.LIST, Action.PULL}),
        ("create", {Action.LIST, Action.PULL, Action.CREATE}),
        ("push", {Action.LIST, Action.PULL, Action.CREATE, Action.PUSH}),
        ("delete", {Action.DELETE}),
    ],
)
def test_an_action_includes_what_it_cannot_do_without(word: str, included: set[Action]) -> None:
    assert rights(rules(f"{{repositories: {{'**': {{users: {{alice: [{word}]}}}}}}}}"), ALICE, "a") == included


def test_what_no_rule_allows_is_forbidden() -> None:
    nothing = rules("{repositories: {}}")
    assert rights(nothing, ANONYMOUS, "a") == rights(nothing, ALICE, "a") == set()
    assert not nothing.allows_anything(ALICE)


def test_a_user_has_what_everybody_the_known_and_the_groups_have() -> None:
    mixed = rules(
        "{groups: {dev: [alice], ldap: []}, repositories: {'**': {anonymous: [list], authenticated: [pull],"
        " users: {bob: [delete]}, groups: {dev: [push], ldap: [delete]}}}}"
    )
    assert rights(mixed, ANONYMOUS, "a") == {Action.LIST}
    assert rights(mixed, CAROL, "a") == {Action.LIST, Action.PULL}
    assert rights(mixed, BOB, "a") == {Action.LIST, Action.PULL, Action.DELETE}
    assert rights(mixed, ALICE, "a") == ALL - {Action.DELETE}
    assert rights(mixed, Identity("dave", groups=frozenset({"ldap"})), "a") == {Action.LIST, Action.PULL, Action.DELETE}


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("**", ["a", "a/b", "a/b/c"], []),
        ("*", ["a", "abc"], ["a/b"]),
        ("a/*", ["a/b", "a/b-c"], ["a", "a/b/c", "b/a"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ab/c"]),
        ("**/b", ["a/b", "a/a/b"], ["b", "a/bb"]),
        ("a?c", ["abc", "a-c"], ["ac", "a/c", "abbc"]),
        ("a.b", ["a.b"], ["acb", "a.bb"]),
        ("a/***", ["a/b/c"], ["a"]),
    ],
)
def test_a_pattern_matches_a_whole_name(pattern: str, matching: list[str], others: list[str]) -> None:
    one = rules(f"{{repositories: {{'{pattern}': {{anonymous: [pull]}}}}}}")
    for name in matching:
        assert one.allows(ANONYMOUS, name, Action.PULL)
    for name in others:
        assert not one.allows(ANONYMOUS, name, Action.PULL)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("team/app", "team/app"),
        ("team/api", "team/a*"),
        ("team/web", "team/**"),
        ("team/apps", "team/app?"),
        ("x", "**"),
    ],
)
def test_the_longest_pattern_decides_alone(name: str, pattern: str) -> None:
    patterns = ["**", "team/**", "team/a*", "team/app?", "team/app"]
    for written in (patterns, patterns[::-1]):
        table = ", ".join(f"'{one}': {{anonymous: [{'pull' if one == pattern else 'delete'}]}}" for one in written)
        several = rules(f"{{repositories: {{{table}}}}}")
        assert rights(several, ANONYMOUS, name) == {Action.LIST, Action.PULL}
        assert several.reason(ANONYMOUS, name, Action.PULL).pattern == pattern


def test_administrators_may_do_everything_where_nobody_else_may() -> None:
    some = rules("{groups: {ops: [alice]}, admins: {users: [root], groups: [ops]}, repositories: {a: {}}}")
    for identity in (ROOT, ALICE):
        assert rights(some, identity, "a") == rights(some, identity, "b") == ALL
        assert some.allows_everything(identity)
        assert some.allows_anything(identity)
    assert rights(some, BOB, "a") == set()
    assert not some.allows_everything(BOB)


@pytest.mark.parametrize(
    ("table", "everything"),
    [
        ("'**': {anonymous: [push, delete]}", True),
        ("'**': {anonymous: [push, delete]}, a: {anonymous: [push]}", False),
        ("'**': {anonymous: [push]}", False),
        ("'a/**': {anonymous: [push, delete]}", False),
    ],
)
def test_everything_is_every_right_to_every_name(table: str, everything: bool) -> None:
    assert rules(f"{{repositories: {{{table}}}}}").allows_everything(ANONYMOUS) is everything


def test_whoever_may_only_create_moves_no_tag() -> None:
    some = rules("{admins: {users: [root]}, repositories: {'**': {users: {alice: [create], bob: [push]}}}}")
    assert some.keeps(ALICE, "a", "latest")
    assert not some.keeps(BOB, "a", "latest")
    assert not some.keeps(ROOT, "a", "latest")


def test_an_immutable_tag_is_moved_by_nobody() -> None:
    some = rules(
        "{admins: {users: [root]}, repositories: {'**': {users: {bob: [push]}, immutabletags: ['v*', 'rc-?']}}}"
    )
    for identity in (BOB, ROOT):
        kept = {tag for tag in ("v1", "v", "rc-1", "rc-10", "latest", "V1") if some.keeps(identity, "a", tag)}
        assert kept == {"v1", "v", "rc-1"}


def test_a_decision_can_be_explained() -> None:
    some = rules("{groups: {g: [bob]}, admins: {users: [root]}, repositories: {'a/**': {groups: {g: [push]}}}}")
    assert some.reason(BOB, "a/b", Action.PULL).holders == ("group g",)
    assert some.reason(BOB, "a/b", Action.DELETE).holders == ()
    assert some.reason(BOB, "b", Action.PULL).pattern is None
    assert some.reason(ROOT, "b", Action.PULL).holders == ("an administrator",)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{repositories: {'**': {anonymous: [read]}}}", "txregistry.access.repositories.**.anonymous[0]"),
        ("{repositories: {'**': {users: {alice: [pul]}}}}", "txregistry.access.repositories.**.users.alice[0]"),
        ("{repositories: {'**': {anonymus: [pull]}}}", "txregistry.access.repositories.**.anonymus"),
        ("{repositories: {'Team/**': {anonymous: [pull]}}}", "txregistry.access.repositories.Team/**"),
        ("{repositories: {'**': {immutabletags: ['a/b']}}}", "txregistry.access.repositories.**.immutabletags[0]"),
        ("{repositories: ['**']}", "txregistry.access.repositories"),
        ("{admin: {users: [root]}}", "txregistry.access.admin"),
    ],
)
def test_a_mistake_in_a_rule_is_told_with_its_place(text: str, path: str) -> None:
    assert path in [problem.path for problem in problems(f"{BASE}txregistry:\n  access: {text}")]
