"""Durations in buckets, held against the exact ones and against the histogram library."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.loadtest.measure.sketch import Sketch, merged

MICROSECONDS = st.integers(min_value=0, max_value=3_000_000_000)
MANY = st.lists(MICROSECONDS, min_size=1, max_size=200)
PERCENTS = (0, 50, 90, 95, 99, 99.9, 100)


def sketch_of(values_us: list[int]) -> Sketch:
    sketch = Sketch()
    for value in values_us:
        sketch.add((value + 0.5) / 1e6)  # the middle: floating point must not decide
    return sketch


@given(MANY)
def test_a_percentile_is_that_of_the_values_to_three_digits(values_us: list[int]) -> None:
    found = sketch_of(values_us).percentiles_ms(PERCENTS)
    ordered = sorted(values_us)
    for percent, value_ms in zip(PERCENTS, found, strict=True):
        exact_us = ordered[max(1, math.ceil(len(ordered) * percent / 100 - 1e-9)) - 1]
        assert exact_us / 1000 <= value_ms <= exact_us / 1000 * 1.001


@given(MANY)
def test_mean_and_extremes_are_exact(values_us: list[int]) -> None:
    sketch = sketch_of(values_us)
    assert sketch.mean_ms == pytest.approx(sum(values_us) / len(values_us) / 1000)
    assert (sketch.min_ms, sketch.max_ms) == (min(values_us) / 1000, max(values_us) / 1000)


@given(MANY, MANY)
def test_merged_is_as_if_counted_together(some: list[int], more: list[int]) -> None:
    together, apart = sketch_of(some + more), merged([sketch_of(some), sketch_of(more)])
    assert together.counts == apart.counts
    assert together.percentiles_ms(PERCENTS) == apart.percentiles_ms(PERCENTS)
    assert (together.count, together.total_us) == (apart.count, apart.total_us)
    assert (together.min_ms, together.max_ms) == (apart.min_ms, apart.max_ms)


@given(st.lists(MICROSECONDS, min_size=100, max_size=100))
def test_the_library_finds_the_same_percentiles(values_us: list[int]) -> None:
    sketch = sketch_of(values_us)
    theirs = sketch.histogram()  # of a hundred: elsewhere it rounds to the nearest value's number
    assert theirs.get_total_count() == sketch.count
    for percent in (50, 90, 99):
        ours_us = sketch.percentile_ms(percent) * 1000
        assert ours_us == pytest.approx(theirs.get_value_at_percentile(percent), rel=0.002, abs=1)


def test_nothing_counted_is_nothing() -> None:
    empty = Sketch()
    assert empty.percentiles_ms((50, 99)) == [0, 0]
    assert (empty.min_ms, empty.max_ms, empty.mean_ms, empty.count) == (0, 0, 0, 0)


def test_less_than_nothing_counts_as_nothing() -> None:
    sketch = Sketch()
    sketch.add(-0.001)
    assert (sketch.count, sketch.max_ms, sketch.total_us) == (1, 0, 0)


def test_how_many_took_longer_than_a_timeout() -> None:
    sketch = sketch_of([900_000, 1_100_000, 5_000_000])
    assert (sketch.above(1), sketch.above(0.5), sketch.above(10)) == (2, 3, 0)
