"""Which delivery tries when a breaker has been open for its time."""

import pytest

from portcall.deliverer.endpoints.trial import FIRST_TURNS, GRACE, GRACE_S, Trial, Turn

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
        (Turn.FRESH, [1, 2, 1, 1, 1, 1], [True, True, True, True, True, False]),
        (Turn.FRESH, [3, 2, 1, 3], [True, False, True, True]),
        (Turn.FRESH, [3, 3, 3, 3, 3], [True, True, True, True, False]),
        (Turn.RETRY, [1, 2, 9, 3, 2, 2], [False, True, True, True, True, False]),
    ],
)
def test_some_of_that_kind_come_back_first(
    turn: Turn, attempts: list[int], first: list[bool]
) -> None:
    each = Trial(turn)
    assert [each.note(attempt) for attempt in attempts] == first
    assert FIRST_TURNS == 4


@pytest.mark.parametrize(
    ("turn", "forgotten"),
    [(Turn.FRESH, False), (Turn.RETRY, False), (Turn.DEEPEST, True)],
)
def test_the_one_that_was_attempted_most_is_kept_until_its_turn_is_over(
    turn: Turn, *, forgotten: bool
) -> None:
    each = trial(turn, 4)
    each.begin()
    while each.turn is not Turn.DEEPEST:
        each.begin()
    assert each.note(2) is forgotten
    assert each.note(4)
    assert not each.takes(2, OPEN_S, 0.0)


def test_the_next_outage_begins_with_the_one_that_was_attempted_most() -> None:
    each = trial(Turn.FRESH, 1, 4)
    each.restart()
    assert each.turn is Turn.DEEPEST
    assert each.takes(1, OPEN_S, 0.0), "nothing is known"
