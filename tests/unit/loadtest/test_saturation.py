"""Which rate the search for the highest one tries next."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.saturation import CLOSE, LOWEST, MAX_TRIALS, Trial, next_rate


def trial(rate: float, *, held: bool) -> Trial:
    return Trial(rate, rate, held, "" if held else "p(99)<500", 1, 2, 3, 0)


@pytest.mark.parametrize(
    ("tried", "then"),
    [
        ([], 100),
        ([(100, True)], 200),
        ([(100, True), (200, True)], 400),
        ([(100, True), (200, False)], 150),
        ([(100, True), (200, False), (150, False)], 125),
        ([(100, True), (105, False)], None),
        ([(100, False)], 50),
        ([(1, False), (0.5, False)], None),
    ],
)
def test_the_next_rate(tried: list[tuple[float, bool]], then: float | None) -> None:
    assert next_rate([trial(rate, held=held) for rate, held in tried], 100) == then


@given(
    st.floats(min_value=LOWEST, max_value=100_000),
    st.floats(min_value=1, max_value=10_000),
)
def test_it_comes_within_a_tenth_of_what_the_consumer_bears(bears: float, first: float) -> None:
    trials: list[Trial] = []
    while (rate := next_rate(trials, first)) is not None:
        trials.append(trial(rate, held=rate <= bears))
    best = max((each.rate for each in trials if each.held), default=0.0)
    assert len(trials) < MAX_TRIALS
    assert best <= bears
    assert best * CLOSE >= bears or best == 0
    assert all(before.rate != after.rate for before, after in pairwise(trials))
