"""The section `log`."""

from __future__ import annotations

import pytest

from tests.config.documents import configured, refusal


def test_the_defaults() -> None:
    log = configured().log
    assert (log.level, log.formatter, log.fields, log.accesslog.disabled) == ("info", "text", (), False)


@pytest.mark.parametrize("level", ["error", "warn", "info", "debug"])
def test_every_level_is_taken_in_any_case(level: str) -> None:
    assert configured(f"log: {{level: {level.upper()}}}").log.level == level


@pytest.mark.parametrize("formatter", ["text", "json", "logstash"])
def test_every_formatter_is_taken(formatter: str) -> None:
    assert configured(f"log: {{formatter: {formatter}}}").log.formatter == formatter


def test_fields_are_texts_in_their_order() -> None:
    log = configured("log: {fields: {service: registry, environment: 007}}").log
    assert log.fields == (("service", "registry"), ("environment", "007"))


@pytest.mark.parametrize("value", ["[a]", "{a: b}", '"a\\nb"', '"\\e[0m"'])
def test_a_field_that_is_no_plain_text_is_refused(value: str) -> None:
    assert refusal(f"log: {{fields: {{service: {value}}}}}").startswith("config.yml:3: log.fields.service: must")


def test_the_access_log_can_be_switched_off() -> None:
    assert configured("log: {accesslog: {disabled: true}}").log.accesslog.disabled


def test_the_old_key_for_the_level_still_works() -> None:
    assert configured("loglevel: debug").log.level == "debug"
    assert configured("loglevel: debug\nlog: {formatter: json}").log.level == "debug"


def test_the_new_key_for_the_level_wins() -> None:
    assert configured("loglevel: debug\nlog: {level: error}").log.level == "error"


def test_a_wrong_old_level_is_told_where_it_stands() -> None:
    assert refusal("loglevel: loud") == "config.yml:3: log.level: must be one of error, warn, info, debug"
