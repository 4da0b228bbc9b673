"""Durations and retry schedules as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.durations import (
    checked_schedule_ms,
    format_duration,
    format_limit,
    parse_duration_ms,
    parse_limit_ms,
    parse_schedule_ms,
)
from portcall.schemas.errors import InvalidValueError

DEFAULT_SCHEDULE = "10s,1m,5m,30m,1h,3h,6h,12h,12h,24h"


@pytest.mark.parametrize(
    ("text", "ms", "canonical"),
    [
        pytest.param("10s", 10_000, "10s", id="seconds"),
        pytest.param("1m", 60_000, "1m", id="a minute"),
        pytest.param("90s", 90_000, "90s", id="no whole minutes"),
        pytest.param("60s", 60_000, "1m", id="a whole minute"),
        pytest.param("500ms", 500, "500ms", id="milliseconds"),
        pytest.param("1500ms", 1500, "1500ms", id="no whole seconds"),
        pytest.param("1.5h", 5_400_000, "90m", id="a fraction"),
        pytest.param("0.001s", 1, "1ms", id="the shortest"),
        pytest.param("7d", 604_800_000, "7d", id="days"),
        pytest.param("24h", 86_400_000, "1d", id="a whole day"),
        pytest.param(" 5m ", 300_000, "5m", id="spaces around"),
        pytest.param("0010s", 10_000, "10s", id="leading zeros"),
    ],
)
def test_a_duration_is_read_and_written(text: str, ms: int, canonical: str) -> None:
    assert parse_duration_ms(text) == ms
    assert format_duration(ms) == canonical


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("10", id="no unit"),
        pytest.param("s", id="no number"),
        pytest.param("-10s", id="negative"),
        pytest.param("10 s", id="a space between"),
        pytest.param("10S", id="upper case"),
        pytest.param("10w", id="an unknown unit"),
        pytest.param("1h30m", id="two units"),
        pytest.param("1e3s", id="an exponent"),
        pytest.param("1,5h", id="a comma"),
        pytest.param("1.h", id="a dot without digits"),
        pytest.param("0s", id="nothing"),
        pytest.param("0.4ms", id="less than a millisecond"),
        pytest.param("1234567890s", id="too many digits"),
        pytest.param("\u0661s", id="a digit beyond ASCII"),
        pytest.param("x" * 10_000, id="a long text"),
    ],
)
def test_what_is_no_duration_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_duration_ms(text, "PORTCALL_ATTEMPT_TIMEOUT")
    assert caught.value.field == "PORTCALL_ATTEMPT_TIMEOUT"
    assert len(caught.value.problem) < 150


@given(st.integers(1, 999_999_999))
def test_every_duration_survives_being_written_and_read(ms: int) -> None:
    assert parse_duration_ms(format_duration(ms)) == ms


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_two_durations_are_never_written_alike(one_ms: int, other_ms: int) -> None:
    assert (format_duration(one_ms) == format_duration(other_ms)) is (one_ms == other_ms)


@pytest.mark.parametrize(
    ("text", "schedule_ms"),
    [
        pytest.param("", (), id="none"),
        pytest.param(" , ", (), id="commas only"),
        pytest.param("1s,1s,2s", (1000, 1000, 2000), id="a short one"),
        pytest.param("10s, 1m ,", (10_000, 60_000), id="spaces and a comma at the end"),
        pytest.param("100ms,24h", (100, 86_400_000), id="the limits"),
        pytest.param(
            DEFAULT_SCHEDULE,
            tuple(s * 1000 for s in (10, 60, 300, 1800, 3600, 10800, 21600, 43200, 43200, 86400)),
            id="the default",
        ),
    ],
)
def test_a_schedule_is_a_list_of_delays(text: str, schedule_ms: tuple[int, ...]) -> None:
    assert parse_schedule_ms(text) == schedule_ms


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("10s,soon", "retrySchedule[1]", id="an entry that is no duration"),
        pytest.param("99ms", "retrySchedule[0]", id="an entry that is too short"),
        pytest.param("1s,1s,25h", "retrySchedule[2]", id="an entry that is too long"),
        pytest.param(",".join(["1s"] * 51), "retrySchedule", id="too many entries"),
    ],
)
def test_a_bad_schedule_is_refused_by_its_entry(text: str, field: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_schedule_ms(text)
    assert caught.value.field == field


def test_a_schedule_of_numbers_is_held_to_the_same_limits() -> None:
    assert checked_schedule_ms((100, 86_400_000), "x") == (100, 86_400_000)
    with pytest.raises(InvalidValueError, match=r"x\[0\]: 99ms is not between 100ms and 24h"):
        checked_schedule_ms((99,), "x")


@pytest.mark.parametrize(
    ("text", "limit_ms", "canonical"),
    [("none", 0, "none"), (" None ", 0, "none"), ("90s", 90_000, "90s"), ("24h", 86_400_000, "1d")],
)
def test_a_limit_is_a_duration_or_none(text: str, limit_ms: int, canonical: str) -> None:
    assert parse_limit_ms(text) == limit_ms
    assert format_limit(limit_ms) == canonical


def test_a_bad_limit_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidValueError, match="never"):
        parse_limit_ms("never", "maxAge")
