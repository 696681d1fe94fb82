"""Durations as Go writes them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txregistry.config.durations import BadDuration, format_duration, parse_duration, parse_nanoseconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("30s", 30.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("5.s", 5.0),
        ("300ms", 0.3),
        ("2us", 2e-6),
        ("2\u00b5s", 2e-6),
        ("2\u03bcs", 2e-6),
        ("7ns", 7e-9),
        ("-10s", -10.0),
        ("+10s", 10.0),
        ("1m1m", 120.0),
        ("168h", 604800.0),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "30", "1 h", "1d", "1H", "1h-30m", ".s", "1..5s", "--1s", "1h30", "\u0661s", "3000000h", "9" * 70 + "s"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadDuration) as raised:
        parse_duration(text)
    assert raised.value.text == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.5, "0.5s"), (90.0, "1m30s"), (3600.0, "1h"), (86400.0, "24h"), (3601.0, "1h1s")],
)
def test_a_duration_is_told_as_it_would_be_written(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
    assert parse_duration(text) == seconds


def test_a_bare_integer_counts_nanoseconds() -> None:
    assert parse_nanoseconds("5000000000") == 5.0
    assert parse_nanoseconds("-1") == -1e-9


@pytest.mark.parametrize("text", ["5s", "1.5", "", "0x10"])
def test_what_is_no_bare_integer_is_left_to_others(text: str) -> None:
    assert parse_nanoseconds(text) is None


@pytest.mark.parametrize("text", ["9223372036854775808", "9" * 100])
def test_a_bare_integer_beyond_64_bits_is_refused(text: str) -> None:
    with pytest.raises(BadDuration):
        parse_nanoseconds(text)


@given(st.integers(0, 10_000), st.integers(0, 59), st.integers(0, 59))
def test_parts_are_added(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.text(alphabet="0123456789.hmsnu\u00b5-+ "))
def test_every_text_is_a_duration_or_refused(text: str) -> None:
    with contextlib.suppress(BadDuration):
        assert abs(parse_duration(text)) < 2**63 / 1e9 + 1
