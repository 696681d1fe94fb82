"""From YAML text to a tree of nodes, within bounds that hold for any input."""

from __future__ import annotations

import re

import pytest
import yaml

from txregistry.config import parsing
from txregistry.config.nodes import Items, Node, Scalar, Table
from txregistry.config.parsing import DEEPEST, LONGEST, MOST_NODES, Malformed, parse
from txregistry.config.problems import Report


@pytest.fixture(params=[yaml.CSafeLoader, yaml.SafeLoader], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    """With libyaml's parser, and as with a PyYAML that was built without it."""
    chosen: type = request.param
    monkeypatch.setattr(parsing, "_LOADER", chosen)
    return chosen


def tree(text: str) -> Node:
    report = Report()
    node = parse(text, lambda line: f"f:{line}", report)
    report.raise_errors()
    return node


def plain(node: Node | None) -> object:
    """Without places and quotes."""
    if isinstance(node, Table):
        return {entry.key: plain(entry.value) for entry in node.entries}
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return None if node is None else node.text


def malformed(text: str) -> Malformed:
    with pytest.raises(Malformed) as raised:
        tree(text)
    return raised.value


def test_every_value_knows_its_line() -> None:
    root = tree("a:\n  b:\n    - x\n    - y\nc: 1\n")
    assert isinstance(root, Table)
    assert [(entry.key, entry.where) for entry in root.entries] == [("a", "f:1"), ("c", "f:5")]
    inner = root.get("a")
    assert isinstance(inner, Table)
    items = inner.get("b")
    assert isinstance(items, Items)
    assert [item.where for item in items.items] == ["f:3", "f:4"]


@pytest.mark.parametrize("text", ["0123", "yes", "1e3", "0x10", "12:30:45", "2001-01-01", "~", "1_000", ".5", "NaN"])
def test_a_value_keeps_its_source_text(text: str) -> None:
    assert plain(tree(f"a: {text}")) == {"a": text}


def test_quotes_are_not_part_of_the_text() -> None:
    assert plain(tree("""{a: "b\\tc", d: 'e''f'}""")) == {"a": "b\tc", "d": "e'f"}


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL", '""', "''", "[]", "{}"])
def test_nothing_in_its_spellings_is_unset(text: str) -> None:
    node = tree(f"a: {text}")
    assert isinstance(node, Table)
    value = node.get("a")
    assert value is not None
    assert value.is_unset


@pytest.mark.parametrize("text", ['"null"', "'~'", "0", "false", "[~]", "{a: ~}"])
def test_a_quoted_word_or_any_other_value_is_set(text: str) -> None:
    node = tree(f"a: {text}")
    assert isinstance(node, Table)
    value = node.get("a")
    assert value is not None
    assert not value.is_unset


def test_an_empty_document_is_nothing() -> None:
    assert tree("# only a comment\n") == Scalar("", "f:1")


def test_a_key_that_stands_twice_is_told_with_both_places_and_its_path() -> None:
    report = Report()
    root = parse("a:\n  b: 1\n  c: 2\n  b: 3\n", lambda line: f"f:{line}", report)
    assert plain(root) == {"a": {"b": "1", "c": "2"}}
    assert [str(problem) for problem in report.errors] == ["f:4: a.b: the key stands here twice, first at f:2"]


def test_a_key_that_stands_twice_in_a_list_is_told_with_its_index() -> None:
    report = Report()
    parse("a: [{}, {b: 1, b: 2}]", lambda line: f"f:{line}", report)
    assert [problem.path for problem in report.errors] == ["a[1].b"]


def test_an_alias_stands_for_what_its_anchor_marks() -> None:
    assert plain(tree("a: &x {k: v}\nb: *x\n")) == {"a": {"k": "v"}, "b": {"k": "v"}}


def test_merged_keys_give_way_to_the_table_s_own_and_to_earlier_ones() -> None:
    text = "a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc:\n  <<: [*a, *b]\n  k: 3\n"
    root = tree(text)
    assert isinstance(root, Table)
    assert plain(root.get("c")) == {"k": "3", "l": "1", "m": "2"}


@pytest.mark.parametrize("text", ["a: {<<: 1}", "a: {<<: [1]}"])
def test_only_tables_can_be_merged(text: str) -> None:
    assert "merges mappings only" in malformed(text).message


@pytest.mark.parametrize("text", ["a: *b", "a: &b [*b]", "a: &b {c: *b}", "a: *b\nc: &b 1"])
def test_an_alias_of_nothing_complete_is_refused(text: str) -> None:
    assert "the alias *b" in malformed(text).message


def test_aliases_that_multiply_are_counted_and_not_expanded() -> None:
    """The "billion laughs": nine levels of nine aliases each."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10)]
    assert str(MOST_NODES) in malformed("\n".join(lines)).message


def test_aliases_that_nest_are_counted() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{level}: &a{level} [*a{level - 1}]" for level in range(1, 2 * DEEPEST)]
    assert "levels deep, aliases expanded" in malformed("\n".join(lines)).message


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused(opening: str) -> None:
    # PyYAML 6.0.4 has a limit of its own, and says so in its own words.
    assert re.search("levels deep|nesting depth", malformed(opening * 5000).message)


def test_a_document_may_nest_as_deep_as_is_allowed() -> None:
    assert plain(tree("[" * (DEEPEST - 1) + "]" * (DEEPEST - 1))) is not None


def test_a_long_document_is_refused_unread() -> None:
    assert str(LONGEST) in malformed("#" * (LONGEST + 1)).message


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: [\n b", "f:2"),
        ("a: 1\n\tb: 2", "f:2"),
        ("a: b: c", "f:1"),
        ("a: 1\nb: \x00", "f:2"),
        ('a: 1\nb: "\\UFFFFFFFF"', "f:2"),
        ("a: 1\n%YAML", "f:2"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1", "f:1"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, where: str) -> None:
    problem = malformed(text)
    assert problem.message.startswith("not YAML: ")
    assert problem.where == where


def test_a_tab_may_stand_behind_a_colon_where_libyaml_reads_as_with_go(loader: type) -> None:
    if loader is yaml.CSafeLoader:
        assert plain(tree("a:\tb\n")) == {"a": "b"}
    else:
        assert malformed("a:\tb\n").where == "f:1"


def test_a_second_document_is_refused() -> None:
    problem = malformed("a: 1\n---\nb: 2\n")
    assert "second document" in problem.message
    assert problem.where == "f:2"


@pytest.mark.parametrize("text", ["? [a]\n: 1", "? {a: b}\n: 1"])
def test_a_key_is_a_word(text: str) -> None:
    assert "a key must be" in malformed(text).message


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system [x]", "a: !!binary aGk=", "a: !mine {b: c}"])
def test_a_tag_without_meaning_is_refused(text: str) -> None:
    assert "the tag" in malformed(text).message


def test_a_core_tag_changes_nothing() -> None:
    assert plain(tree("a: !!str 12\nb: !!map {c: ! d}")) == {"a": "12", "b": {"c": "d"}}


def test_half_a_surrogate_pair_is_refused() -> None:
    assert malformed('b: 1\na: "\\ud800"').where == "f:2"
