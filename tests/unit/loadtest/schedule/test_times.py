"""When requests are to be sent."""

import math
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.loadtest.schedule import times as schedule
from portcall.loadtest.schedule.times import Arrivals, Ramp, Shape, planned_count, rate_at, times
from portcall.schemas.errors import InvalidValueError

RATES = st.floats(min_value=0, max_value=500)
PIECES = st.builds(Ramp, st.floats(min_value=0.01, max_value=20), RATES, RATES)
SHAPES = st.lists(PIECES, min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("shape", "count", "first", "last"),
    [
        pytest.param(schedule.constant(100, 8), 800, [0, 0.01, 0.02], 7.99, id="constant"),
        pytest.param(schedule.constant(0.5, 10), 5, [0, 2, 4], 8, id="one in two seconds"),
        pytest.param(
            schedule.ramp(0, 10, 10),
            50,
            [0, math.sqrt(0.2) * math.sqrt(10), 2],
            math.sqrt(98),
            id="ramp from nothing: x**2 / 2 requests after x seconds",
        ),
        pytest.param(schedule.step(10, 30, 6, 3), 120, [0, 0.1, 0.2], 6 - 1 / 30, id="step"),
        pytest.param(
            schedule.spike(1, 100, 10, begins_s=5, lasts_s=1), 109, [0, 1, 2], 9, id="spike"
        ),
        pytest.param(
            schedule.stages(10, [(1, 10), (0, 2), (2, 2)]), 14, [0, 0.1, 0.2], 2.5, id="stages"
        ),
    ],
)
def test_the_times_of_each_shape(shape: Shape, count: int, first: list[float], last: float) -> None:
    planned = list(times(shape))
    assert len(planned) == count == planned_count(shape)
    assert planned[:3] == pytest.approx(first)
    assert planned[-1] == pytest.approx(last)


def test_a_sine_is_up_and_down_between_its_rates() -> None:
    shape = schedule.sine(10, 110, 60, 20)
    assert rate_at(shape, 0) == pytest.approx(10)
    assert rate_at(shape, 10) == pytest.approx(110, rel=0.001)
    assert rate_at(shape, 25) == pytest.approx(60, rel=0.001)
    assert planned_count(shape) == pytest.approx(60 * 60, rel=0.0005)


def test_a_sine_ends_with_the_duration_also_within_a_period() -> None:
    assert schedule.duration_s(schedule.sine(10, 20, 7, 20)) == pytest.approx(7)


def test_what_rounding_puts_before_a_piece_is_at_its_beginning() -> None:
    assert Ramp(1.0, 0.0, 5.0).reached(-1e-12) == 0
    assert Ramp(1.0, 5.0, 0.0).reached(-1e-12) == 0


def test_nothing_is_planned_after_the_end() -> None:
    assert rate_at(schedule.constant(5, 2), 2) == 0


@given(SHAPES)
def test_times_ascend_and_their_number_is_the_integral_of_the_rate(shape: list[Ramp]) -> None:
    planned = list(times(shape))
    assert all(before <= after for before, after in pairwise(planned))
    assert len(planned) == max(0, planned_count(shape))
    assert all(0 <= at_s <= schedule.duration_s(shape) + 1e-6 for at_s in planned)


@given(SHAPES, st.floats(min_value=0, max_value=1))
def test_at_any_moment_as_many_were_due_as_the_rate_says(shape: list[Ramp], part: float) -> None:
    moment = schedule.duration_s(shape) * part
    due = sum(at_s <= moment for at_s in times(shape))
    assert abs(due - _integral(shape, moment)) <= 1 + 1e-3


@given(SHAPES, st.integers())
def test_poisson_times_ascend_within_the_duration(shape: list[Ramp], seed: int) -> None:
    planned = list(times(shape, arrivals=Arrivals.POISSON, seed=seed))
    assert all(before <= after for before, after in pairwise(planned))
    assert planned == list(times(shape, arrivals=Arrivals.POISSON, seed=seed))
    expected = sum(piece.requests for piece in shape)
    assert abs(len(planned) - expected) <= 8 * math.sqrt(expected) + 8


def test_poisson_gaps_are_exponential() -> None:
    planned = list(times(schedule.constant(1000, 20), arrivals=Arrivals.POISSON, seed=1))
    gaps = [after - before for before, after in pairwise(planned)]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(0.001, rel=0.05)
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), rel=0.05)


def test_a_recording_is_replayed_from_its_first_time() -> None:
    assert list(schedule.replay([100, 101, 105])) == [0, 1, 5]
    assert list(schedule.replay([100, 101, 105], speed=10)) == pytest.approx([0, 0.1, 0.5])


def test_times_are_made_as_they_are_asked_for() -> None:
    endless = schedule.constant(1_000_000, schedule.MAX_DURATION_S)
    assert list(islice(times(endless), 3)) == pytest.approx([0, 1e-6, 2e-6])


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: schedule.constant(-1, 5), "--rate"),
        (lambda: schedule.constant(math.nan, 5), "--rate"),
        (lambda: schedule.constant(2e6, 5), "--rate"),
        (lambda: schedule.constant(0, 5), "--rate"),
        (lambda: schedule.constant(5, 0), "--duration"),
        (lambda: schedule.constant(5, math.inf), "--duration"),
        (lambda: schedule.step(1, 2, 5, 1), "--steps"),
        (lambda: schedule.spike(1, 2, 5, begins_s=4, lasts_s=2), "--spike-at"),
        (lambda: schedule.sine(1, 2, 5, 0), "--period"),
        (lambda: schedule.sine(1, 2, 5, 1e-9), "--period"),
        (lambda: schedule.stages(1, [(-1, 2)]), "--stages"),
        (lambda: schedule.stages(1, []), "--duration"),
    ],
)  # fmt: skip
def test_what_nobody_can_have_meant_names_its_field(make: object, field: str) -> None:
    assert callable(make)
    with pytest.raises(InvalidValueError) as caught:
        make()
    assert caught.value.field == field


def _integral(shape: list[Ramp], until_s: float) -> float:
    total = 0.0
    for piece in shape:
        part_s = min(until_s, piece.length_s)
        slope = (piece.last - piece.first) / piece.length_s
        total += piece.first * part_s + slope * part_s**2 / 2
        until_s -= part_s
    return total
