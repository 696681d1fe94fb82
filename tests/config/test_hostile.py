"""Any text gives a configuration or a `ConfigurationError`: no other exception, and no hang."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from txregistry.config.document import SHAPE
from txregistry.config.load import load_configuration, load_text
from txregistry.config.problems import ConfigurationError
from txregistry.config.shapes import Shape


def survives(text: str, environ: dict[str, str] | None = None) -> None:
    try:
        result = load_text(text, "config.yml", environ or {})
    except ConfigurationError as error:
        assert error.problems
        assert str(error).isprintable() or "\n" in str(error)
    else:
        assert result.configuration.version == "0.1"


def names(shape: Shape) -> set[str]:
    below = [*shape.keys.values(), *([shape.item] if shape.item else [])]
    return set(shape.keys).union(*(names(one) for one in below))


KEYS = sorted(names(SHAPE))
WORDS = st.sampled_from(
    [
        "true",
        "0.1",
        "inmemory",
        "filesystem",
        "~",
        "''",
        "5s",
        "-1",
        ":5000",
        "none",
        "list",
        "(",
        "a\\x00b",
        "*a",
        "&a x",
    ]
)
SCALARS = st.one_of(WORDS, st.text(max_size=8).map(lambda text: "'" + text.replace("'", "''") + "'"))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(st.tuples(st.sampled_from([*KEYS, "<<"]), inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=12,
)


@given(st.text())
@example("\x00")
@example("? ? ? x")
@example("a: !!timestamp 2001-99-99")
@example('"\\UFFFFFFFF": 1')
@example("&a : *a")
@example("*a : &a")
@example("<<: &a {<<: *a}")
@example("%TAG ! tag:x\n---\n!a b")
@example("\u2028a: 1\u2029b: 2")
def test_any_text(text: str) -> None:
    survives(text)


@given(st.text(alphabet=" \n\t:-?[]{}&*!|>'\"%@`#,<ab01~\\\u0085"))
def test_any_text_of_yaml_s_own_characters(text: str) -> None:
    survives(text)


@given(st.dictionaries(st.sampled_from(sorted(SHAPE.keys)), VALUES, max_size=6))
def test_any_values_under_known_keys(sections: dict[str, str]) -> None:
    survives("version: 0.1\n" + "".join(f"{key}: {value}\n" for key, value in sections.items() if key != "version"))


SEGMENTS = st.one_of(st.sampled_from([key.upper() for key in KEYS]), st.integers(0, 3).map(str), st.just(""))


@given(
    st.dictionaries(
        st.lists(SEGMENTS, max_size=5).map(lambda words: "_".join(["REGISTRY", *words])), VALUES, max_size=5
    )
)
def test_any_variables(environ: dict[str, str]) -> None:
    survives("version: 0.1\nstorage: inmemory\n", environ)


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_any_bytes_in_a_file(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_bytes(content)
    try:
        load_configuration(str(path), {})
    except ConfigurationError as error:
        assert error.problems
