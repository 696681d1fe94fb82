"""The section `txregistry.tokens`."""

from __future__ import annotations

import pytest

from tests.config.documents import configured, refusal
from txregistry.config.model import Tokens

AUTH = "auth: {htpasswd: {realm: r, path: /p}}\n"


def tokens(text: str) -> Tokens | None:
    return configured(f"{AUTH}txregistry: {text}\n").txregistry.tokens


def test_the_section_being_there_switches_it_on() -> None:
    assert tokens("{}") is None
    assert tokens("{tokens: {service: s}}") == Tokens("s", "txregistry", "", "/auth/token", 300, 2592000, 2592000, "")


def test_every_option_is_taken() -> None:
    text = (
        "{service: s, issuer: i, realm: 'https://x/t', path: /t, lifetime: 1m, refreshlifetime: 2m, rotation: 3m, "
        "keys: /k}"
    )
    assert tokens(f"{{tokens: {text}}}") == Tokens("s", "i", "https://x/t", "/t", 60, 120, 180, "/k")


@pytest.mark.parametrize("key", ["lifetime", "refreshlifetime", "rotation"])
def test_no_time_is_below_a_minute(key: str) -> None:
    """Docker takes a token that lasts less for one of a minute."""
    assert "1m" in refusal(f"{AUTH}txregistry: {{tokens: {{service: s, {key}: 59s}}}}\n")


@pytest.mark.parametrize("path", ["token", "/", "/v2/token", "/<name>", "/a?b"])
def test_a_path_that_cannot_be_reached_is_refused(path: str) -> None:
    assert "txregistry.tokens.path" in refusal(f"{AUTH}txregistry: {{tokens: {{service: s, path: '{path}'}}}}\n")


@pytest.mark.parametrize("auth", ["", "auth: {silly: {realm: r, service: s}}\n"])
def test_without_passwords_there_is_nobody_to_give_tokens_to(auth: str) -> None:
    assert "needs auth.htpasswd" in refusal(f"{auth}txregistry: {{tokens: {{service: s}}}}\n")
