"""Steps of time: which one is shown, and what it is made of."""

import pytest

from portcall.store.traffic.buckets import (
    FIVE,
    HOUR,
    MINUTE,
    NARROW,
    TEN,
    WIDE,
    BucketLength,
    shown_bucket_s,
    source_of,
)

DAY_S = 86_400


@pytest.mark.parametrize(
    ("span_s", "expected"),
    [(60, 10), (1_800, 10), (1_801, 30), (3_600, 30), (DAY_S, 600), (7 * DAY_S, 3_600)],
)
def test_a_span_has_180_steps_at_most(span_s: int, expected: int) -> None:
    assert shown_bucket_s(span_s) == expected
    assert shown_bucket_s(10**9) == DAY_S


@pytest.mark.parametrize(
    ("wanted_s", "age_s", "stored", "of_all", "expected"),
    [
        pytest.param(10, 60, WIDE, False, (10, TEN), id="as it is stored"),
        pytest.param(30, 60, WIDE, False, (30, TEN), id="several make one"),
        pytest.param(600, 60, WIDE, False, (600, MINUTE), id="of the longest that divides it"),
        pytest.param(3600, 60, WIDE, False, (3600, HOUR), id="hours"),
        pytest.param(10, 7_201, WIDE, False, (60, MINUTE), id="too old for ten seconds"),
        pytest.param(30, 7_201, WIDE, False, (60, MINUTE), id="too old for half a minute"),
        pytest.param(60, 26 * 3600, WIDE, False, (3600, HOUR), id="too old for minutes"),
        pytest.param(60, 26 * 3600, WIDE, True, (60, MINUTE), id="but of everything"),
        pytest.param(10, 60, NARROW, False, (300, FIVE), id="a webhook"),
        pytest.param(900, 60, NARROW, False, (900, FIVE), id="several of a webhook"),
        pytest.param(7, 60, WIDE, False, (10, TEN), id="what is no step"),
        pytest.param(10**9, 60, WIDE, False, (DAY_S, HOUR), id="longer than any"),
    ],
)
def test_a_step_is_made_of_what_is_kept(
    wanted_s: int,
    age_s: int,
    stored: tuple[BucketLength, ...],
    of_all: bool,  # noqa: FBT001 (a column of the table)
    expected: tuple[int, BucketLength],
) -> None:
    assert source_of(wanted_s, age_s, stored, of_all=of_all) == expected
