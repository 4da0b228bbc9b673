"""The time in which nothing could be attempted is counted once, and from its beginning."""

import pytest

from portcall.deliverer.endpoints.presence import ANSWER_S, IDLE_ANSWER_S, Presence

STEP_S = 0.25


def counted(
    *, answers: set[float], hindered: set[float], seconds: float
) -> tuple[float, list[float]]:
    """What looks every quarter of a second find; and when they found something."""
    presence = Presence(0.0)
    total, found = 0.0, list[float]()
    for step in range(1, round(seconds / STEP_S) + 1):
        now = step * STEP_S
        if now in answers:
            presence.answered(now)
        away_s = presence.look(now, hindered=now in hindered)
        total += away_s
        if away_s:
            found.append(now)
    return total, found


def every_second(*spans: tuple[int, int]) -> set[float]:
    return {float(each) for first, last in spans for each in range(first, last + 1)}


def quarters(first: float, last: float) -> set[float]:
    return {step * STEP_S for step in range(round(first / STEP_S), round(last / STEP_S) + 1)}


@pytest.mark.parametrize(
    ("answers", "hindered", "away_s"),
    [
        pytest.param(every_second((1, 60)), set(), 0.0, id="all is well"),
        pytest.param(
            every_second((1, 10), (50, 60)), set(), 40.0 - STEP_S, id="the broker is away"
        ),
        pytest.param(every_second((1, 10), (12, 60)), set(), 0.0, id="one answer is late"),
        pytest.param(every_second((1, 60)), quarters(10, 20), 10.25, id="frames are held back"),
        pytest.param(every_second((1, 10), (50, 60)), quarters(11, 55), 44.5, id="both"),
        pytest.param(set(), set(), 60.0, id="the broker was never there"),
    ],
)
def test_it_is_counted_from_its_beginning_and_once(
    answers: set[float], hindered: set[float], away_s: float
) -> None:
    total, _ = counted(answers=answers, hindered=hindered, seconds=60)
    assert total == pytest.approx(away_s, abs=2 * STEP_S)


def test_a_broker_that_is_late_is_not_away_at_once() -> None:
    _, found = counted(answers={1.0}, hindered=set(), seconds=10)
    assert min(found) == 1.0 + ANSWER_S + STEP_S


def test_an_idle_deliverer_asks_the_broker_rarely_and_is_not_away() -> None:
    presence = Presence(0.0)
    for now in range(5, 60, 5):
        if now % 10 == 0:
            presence.answered(float(now))
        assert presence.look(float(now), hindered=False, is_idle=True) == 0.0


def test_a_broker_that_was_away_while_idle_is_counted_from_its_last_answer() -> None:
    presence = Presence(0.0)
    presence.answered(10.0)
    away_s = sum(presence.look(now, hindered=False, is_idle=True) for now in (15.0, 20.0, 30.0))
    assert away_s == 20.0


@pytest.mark.parametrize(
    ("silent_s", "away_s"),
    [
        pytest.param(IDLE_ANSWER_S - 1, 0.0, id="it answered lately"),
        pytest.param(IDLE_ANSWER_S + 1, IDLE_ANSWER_S + 1.25, id="it did not"),
    ],
)
def test_a_delivery_after_an_idle_time_trusts_the_last_answer(
    silent_s: float, away_s: float
) -> None:
    presence = Presence(0.0)
    presence.resume(silent_s)
    assert presence.look(silent_s + 0.25, hindered=False) == away_s
