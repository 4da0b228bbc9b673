"""Which delivery tries when a breaker has been open for its time."""

import pytest

from deliverer.trial import FIRST_TURNS, GRACE, GRACE_S, Trial, Turn

OPEN_S = 30.0
GRACE_OVER_S = GRACE_S + GRACE * OPEN_S + 0.1


def trial(turn: Turn, *noted: int) -> Trial:
    made = Trial(turn)
    for attempt in noted:
        made.note(attempt)
    return made


@pytest.mark.parametrize(
    ("turn", "noted", "takes"),
    [
        (Turn.DEEPEST, (1, 2, 3, 1), {1: False, 2: False, 3: True, 4: True}),
        (Turn.DEEPEST, (3, 2), {1: False, 2: False, 3: True}),
        (Turn.FRESH, (1, 2, 3), {1: True, 2: False, 3: False}),
        (Turn.RETRY, (1, 2, 5), {1: False, 2: True, 5: True}),
        pytest.param(Turn.DEEPEST, (1, 1), {1: True, 2: True}, id="no retry is known"),
        pytest.param(Turn.RETRY, (1, 1), {1: True, 2: True}, id="nor here"),
        pytest.param(Turn.FRESH, (2, 3), {1: True, 2: True}, id="no fresh one is known"),
        pytest.param(Turn.DEEPEST, (), {1: True, 9: True}, id="nothing is known"),
    ],
)
def test_it_waits_for_the_kind_whose_turn_it_is(
    turn: Turn, noted: tuple[int, ...], takes: dict[int, bool]
) -> None:
    each = trial(turn, *noted)
    assert {attempt: each.takes(attempt, OPEN_S, 0.0) for attempt in takes} == takes
    assert all(each.takes(attempt, OPEN_S, GRACE_OVER_S) for attempt in takes), "but not for ever"


def test_the_kinds_take_turns() -> None:
    each = Trial()
    turns = []
    for _ in range(6):
        turns.append(each.turn)
        each.begin()
    assert turns == [Turn.DEEPEST, Turn.FRESH, Turn.RETRY] * 2


@pytest.mark.parametrize(
    ("turn", "attempts", "first"),
    [
        (
            Turn.DEEPEST,
            [1, 2, 3, 2, 3, 3, 3, 3],
            [False, True, True, False, True, True, True, False],
        ),
        (Turn.FRESH, [1, 2, 1, 1, 1, 1], [True, False, True, True, True, False]),
        (Turn.RETRY, [1, 2, 9, 3, 2, 2], [False, True, True, True, True, False]),
    ],
)
def test_some_of_that_kind_come_back_first(
    turn: Turn, attempts: list[int], first: list[bool]
) -> None:
    each = Trial(turn)
    assert [each.note(attempt) for attempt in attempts] == first
    assert FIRST_TURNS == 4


def test_what_was_known_is_forgotten_with_the_trial() -> None:
    each = trial(Turn.DEEPEST, 4)
    each.begin()
    each.begin()
    each.begin()
    assert each.takes(1, OPEN_S, 0.0)
