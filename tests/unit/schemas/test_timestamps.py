"""Timestamps in ACR's form."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.timestamps import (
    SENT_PATTERN,
    acr_timestamp,
    normalised_timestamp,
    parse_timestamp,
    sent_timestamp,
)

ACR_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
YEAR_1_MS = -62_135_596_800_000
YEAR_9999_MS = 253_402_300_799_999


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00.0000000Z", id="epoch"),
        pytest.param(1_772_619_630_123, "2026-03-04T10:20:30.1230000Z", id="milliseconds"),
        pytest.param(1_772_619_630_007, "2026-03-04T10:20:30.0070000Z", id="leading zeros"),
        pytest.param(-1, "1969-12-31T23:59:59.9990000Z", id="before the epoch"),
        pytest.param(YEAR_1_MS, "0001-01-01T00:00:00.0000000Z", id="year 1"),
        pytest.param(YEAR_9999_MS, "9999-12-31T23:59:59.9990000Z", id="year 9999"),
    ],
)
def test_milliseconds_are_written_as_acr_does(ms: int, text: str) -> None:
    assert acr_timestamp(ms) == text
    assert parse_timestamp(text) == ms


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        pytest.param("2021-12-30T21:06:39.5160873Z", "2021-12-30T21:06:39.5160873Z", id="acr"),
        pytest.param("2026-03-04T10:20:30Z", "2026-03-04T10:20:30.0000000Z", id="no fraction"),
        pytest.param("2026-03-04T10:20:30.1Z", "2026-03-04T10:20:30.1000000Z", id="one digit"),
        pytest.param(
            "2026-03-04T10:20:30.123456789Z", "2026-03-04T10:20:30.1234567Z", id="nine digits"
        ),
        pytest.param(
            "2026-03-04T10:20:30.99999999Z", "2026-03-04T10:20:30.9999999Z", id="cut, not rounded"
        ),
        pytest.param("2026-03-04t10:20:30z", "2026-03-04T10:20:30.0000000Z", id="lower case"),
        pytest.param(
            "2026-03-04T10:20:30.5+02:30", "2026-03-04T07:50:30.5000000Z", id="east of UTC"
        ),
        pytest.param(
            "2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.0000000Z", id="over the year's end"
        ),
        pytest.param("2026-03-04T10:20:30-00:00", "2026-03-04T10:20:30.0000000Z", id="minus zero"),
        pytest.param("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000000Z", id="Go's zero time"),
        pytest.param("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.0000000Z", id="leap day"),
    ],
)
def test_a_timestamp_is_brought_into_acrs_form(text: str, normalised: str) -> None:
    assert normalised_timestamp(text) == normalised


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="a word"),
        pytest.param("1772619630", id="seconds since the epoch"),
        pytest.param("2026-03-04", id="a day alone"),
        pytest.param("2026-03-04T10:20:30", id="no zone"),
        pytest.param("2026-03-04 10:20:30Z", id="a space between"),
        pytest.param("2026-03-04T10:20Z", id="no seconds"),
        pytest.param("2026-03-04T10:20:30.Z", id="a dot without digits"),
        pytest.param("2026-03-04T10:20:30.1234567890Z", id="ten digits"),
        pytest.param("2026-03-04T10:20:30+0200", id="a zone without a colon"),
        pytest.param("2026-02-29T10:20:30Z", id="no leap year"),
        pytest.param("2026-13-01T10:20:30Z", id="month 13"),
        pytest.param("2026-03-04T24:20:30Z", id="hour 24"),
        pytest.param("2026-03-04T10:20:60Z", id="a leap second that there is not"),
        pytest.param("2026-03-04T24:00:00Z", id="the end of a day"),
        pytest.param("2026-03-04T10:20:30+24:00", id="a zone of a day"),
        pytest.param("0000-01-01T00:00:00Z", id="year 0"),
        pytest.param("0001-01-01T00:00:00+01:00", id="before year 1"),
        pytest.param("9999-12-31T23:59:59-01:00", id="after year 9999"),
        pytest.param("\uff12026-03-04T10:20:30Z", id="a digit beyond ASCII"),
        pytest.param("2026-03-04T10:20:30Z\n", id="a line break after"),
        pytest.param("2026-03-04T10:20:30Z" * 1000, id="a long text"),
    ],
)
def test_what_is_no_timestamp_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_timestamp(text, "[3].timestamp")
    assert caught.value.field == "[3].timestamp"
    assert len(caught.value.problem) < 200


@given(st.integers(YEAR_1_MS, YEAR_9999_MS))
def test_every_millisecond_survives_being_written_and_read(ms: int) -> None:
    text = acr_timestamp(ms)
    assert ACR_FORM.fullmatch(text)
    assert parse_timestamp(text) == ms
    assert normalised_timestamp(text) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_python_writes_is_understood(moment: datetime) -> None:
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000
    assert abs(parse_timestamp(moment.isoformat()) - expected) <= 1


SENT = [
    # what a sender wrote, what goes out
    pytest.param("2021-12-30T21:06:39.5160873Z", "2021-12-30T21:06:39.5160873Z", id="acr"),
    pytest.param("2026-03-04T10:20:30Z", "2026-03-04T10:20:30.0000000Z", id="no fraction"),
    pytest.param("2026-03-04T10:20:30.1Z", "2026-03-04T10:20:30.1000000Z", id="one digit"),
    pytest.param("2026-03-04T10:20:30.12345678Z", "2026-03-04T10:20:30.12345678Z", id="eight"),
    pytest.param("2026-03-04T10:20:30.123456789Z", "2026-03-04T10:20:30.123456789Z", id="nine"),
    pytest.param("2026-03-04T10:20:30.123456000Z", "2026-03-04T10:20:30.123456000Z", id="zeros"),
    pytest.param("2026-03-04T10:20:30.1234567899Z", "2026-03-04T10:20:30.123456789Z", id="ten"),
    pytest.param(f"2026-03-04T10:20:30.{'9' * 40}Z", f"2026-03-04T10:20:30.{'9' * 9}Z", id="forty"),
    pytest.param("2026-03-04T10:20:30,5Z", "2026-03-04T10:20:30.5000000Z", id="a comma"),
    pytest.param("2026-03-04t10:20:30z", "2026-03-04T10:20:30.0000000Z", id="lower case"),
    pytest.param("2026-05-02 17:04:05", "2026-05-02T17:04:05.0000000Z", id="a space, no zone"),
    pytest.param("2026-03-04T10:20:30", "2026-03-04T10:20:30.0000000Z", id="no zone"),
    pytest.param("2026-03-04T10:20:30.5", "2026-03-04T10:20:30.5000000Z", id="no zone, a fraction"),
    pytest.param("2026-03-04T10:20:30+0000", "2026-03-04T10:20:30.0000000Z", id="no colon"),
    pytest.param("2026-03-04T10:20:30-0530", "2026-03-04T15:50:30.0000000Z", id="no colon, west"),
    pytest.param("2026-03-04T10:20:30+02", "2026-03-04T08:20:30.0000000Z", id="hours alone"),
    pytest.param(
        "2026-05-02T11:04:05.123456789+02:00", "2026-05-02T09:04:05.123456789Z", id="3.x, local"
    ),
    pytest.param("2026-03-04T10:20:30-00:00", "2026-03-04T10:20:30.0000000Z", id="minus zero"),
    pytest.param("2026-03-04T23:59:30-23:59", "2026-03-05T23:58:30.0000000Z", id="farthest zone"),
    pytest.param("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5000000Z", id="a leap second"),
    pytest.param("2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00.0000000Z", id="and elsewhere"),
    pytest.param("2026-12-31T24:00:00Z", "2027-01-01T00:00:00.0000000Z", id="the end of a day"),
    pytest.param("2026-12-31T24:00:00+02:00", "2026-12-31T22:00:00.0000000Z", id="in a zone"),
    pytest.param("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.0000000Z", id="leap day"),
    pytest.param("1971-01-01T00:00:00Z", "1971-01-01T00:00:00.0000000Z", id="the first known year"),
    pytest.param("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.0000000Z", id="the last year"),
    pytest.param("", None, id="empty"),
    pytest.param("0001-01-01T00:00:00Z", None, id="Go's zero time"),
    pytest.param("0001-01-01T00:00:00+01:00", None, id="Go's zero time in a zone"),
    pytest.param("0001-01-01T08:05:43+08:05", None, id="Go's zero time in a zone of that time"),
    pytest.param("0000-00-00 00:00:00", None, id="MySQL's zero time"),
    pytest.param("1970-01-01T00:00:00Z", None, id="the epoch"),
    pytest.param("1970-01-01T01:00:00.000+01:00", None, id="the epoch, in a zone"),
    pytest.param("1969-12-31T19:00:00-0500", None, id="the epoch, west"),
    pytest.param("1970-06-30T12:00:00Z", None, id="a clock that was never set"),
]


@pytest.mark.parametrize(("text", "written"), SENT)
def test_a_senders_time_goes_out_with_its_digits_in_utc(text: str, written: str | None) -> None:
    assert sent_timestamp(text) == written
    assert re.fullmatch(f"({SENT_PATTERN})?", text)
    if written is not None:
        assert sent_timestamp(written) == written


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("yesterday", id="a word"),
        pytest.param(" ", id="a space"),
        pytest.param("1772619630", id="seconds since the epoch"),
        pytest.param("2026-03-04", id="a day alone"),
        pytest.param("2026-03-04T10:20Z", id="no seconds"),
        pytest.param("20260304T102030Z", id="no separators"),
        pytest.param("2026-03-04T10:20:30.Z", id="a dot without digits"),
        pytest.param("2026-03-04T10:20:30 Z", id="a space before the zone"),
        pytest.param("2026-03-04T10:20:30 UTC", id="a zone's name"),
        pytest.param(f"2026-03-04T10:20:30.{'9' * 41}Z", id="a long fraction"),
        pytest.param("2026-02-29T10:20:30Z", id="no leap year"),
        pytest.param("2026-13-01T10:20:30Z", id="month 13"),
        pytest.param("2026-03-04T24:00:01Z", id="after the end of a day"),
        pytest.param("2026-03-04T10:20:60Z", id="a leap second that there is not"),
        pytest.param("2016-12-31T23:59:60+01:00", id="a leap second of another zone"),
        pytest.param("2016-12-31T23:59:61Z", id="second 61"),
        pytest.param("2026-03-04T10:60:30Z", id="minute 60"),
        pytest.param("2026-03-04T10:20:30+24:00", id="a zone of a day"),
        pytest.param("2026-03-04T10:20:30+01:60", id="60 minutes in a zone"),
        pytest.param("9999-12-31T23:59:59-01:00", id="after year 9999"),
        pytest.param("9999-12-31T24:00:00Z", id="the end of year 9999"),
        pytest.param("\uff12026-03-04T10:20:30Z", id="a digit beyond ASCII"),
        pytest.param("2026-03-04T10:20:30Z\n", id="a line break after"),
        pytest.param("2026-03-04T10:20:30Z" * 1000, id="a long text"),
    ],
)
def test_what_is_no_time_of_a_sender_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        sent_timestamp(text, "[3].timestamp")
    assert caught.value.field == "[3].timestamp"
    assert len(caught.value.problem) < 200


YEAR_1971_MS = 31_536_000_000
DAY_MS = 86_400_000


@given(st.integers(YEAR_1971_MS, YEAR_9999_MS - DAY_MS), st.integers(-1439, 1439))
def test_what_python_writes_in_any_zone_is_the_same_moment(ms: int, minutes: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert sent_timestamp(local.isoformat()) == acr_timestamp(ms)
