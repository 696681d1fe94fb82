"""The section `validation`."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, problems, refusal
from txregistry.config.model import Expression, Platform


def test_the_defaults_check_everything_and_allow_no_url() -> None:
    validation = configured().validation
    assert not validation.disabled
    assert validation.manifests.urls.allow == validation.manifests.urls.deny == ()
    assert validation.manifests.indexes.platforms == "all"


@pytest.mark.parametrize(
    ("text", "disabled"),
    [
        ("disabled: true", True),
        ("disabled: false", False),
        ("enabled: true", False),
        ("enabled: false", False),
        ("enabled: true, disabled: true", False),
        ("enabled: false, disabled: true", True),
    ],
)
def test_the_older_switch_only_switches_on(text: str, disabled: bool) -> None:
    assert configured(f"validation: {{{text}}}").validation.disabled is disabled


def test_expressions_are_searched_for_anywhere() -> None:
    urls = configured(
        "validation: {manifests: {urls: {allow: ['example\\.org', '^https://a/$'], deny: '.*'}}}"
    ).validation.manifests.urls
    anywhere, anchored = urls.allow
    assert anywhere.search("https://example.org/layer")
    assert anywhere.search("https://example-org/layer") is None
    assert anchored.search("https://a/")
    assert anchored.search("https://a/b") is None
    assert [expression.pattern for expression in urls.deny] == [".*"]


def test_expressions_are_go_s() -> None:
    assert Expression.compile("(?i)^HTTPS?://").search("http://a")


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", "(a)\\1", "[", "a{1001}"])
def test_what_re2_does_not_take_is_refused(pattern: str) -> None:
    [problem] = problems(f"{BASE}validation: {{manifests: {{urls: {{allow: ['{pattern}']}}}}}}")
    assert problem.path == "validation.manifests.urls.allow[0]"
    assert problem.message.startswith("not a regular expression of RE2: ")


def test_half_a_surrogate_pair_in_a_url_does_not_raise() -> None:
    assert Expression.compile("^https").search("https://\ud800")


def test_expressions_with_the_same_pattern_are_equal() -> None:
    assert Expression.compile("a") == Expression.compile("a")
    assert Expression.compile("a") != Expression.compile("b")


def test_platforms_are_listed() -> None:
    listed = "[{os: linux, architecture: amd64}, {os: windows}]"
    text = f"validation: {{manifests: {{indexes: {{platforms: List, platformlist: {listed}}}}}}}"
    indexes = configured(text).validation.manifests.indexes
    assert indexes.platforms == "list"
    assert indexes.platformlist == (Platform("linux", "amd64"), Platform("windows", ""))


def test_an_unknown_choice_of_platforms_is_refused() -> None:
    assert "must be one of all, none, list" in refusal("validation: {manifests: {indexes: {platforms: some}}}")


@pytest.mark.parametrize("item", ["linux", "[linux]", "{os: [linux]}"])
def test_a_platform_of_the_wrong_kind_is_refused(item: str) -> None:
    assert "platformlist[0]" in refusal(f"validation: {{manifests: {{indexes: {{platformlist: [{item}]}}}}}}")
