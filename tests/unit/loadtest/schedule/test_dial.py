"""The dial: the rate is turned while a run goes on, and the report says so."""

from itertools import islice

import pytest

from portcall.cli.loadtest.keys import press
from portcall.loadtest.schedule.dial import LEAST, MOST, Dial
from portcall.loadtest.schedule.pacing import RequestPace, ScheduleForm, work_out
from portcall.loadtest.schedule.times import Arrivals

STEADY = work_out(RequestPace(rate=100, duration_s=10))


def test_what_comes_is_sent_as_often_as_the_dial_says() -> None:
    dial = Dial()
    times = STEADY.times(dial)
    before = list(islice(times, 101))
    dial.turn(2.0, before[-1])
    after = list(times)
    assert before[-1] == pytest.approx(1.0)
    assert after[1] - after[0] == pytest.approx(0.005)
    assert len(after) == pytest.approx(1800, abs=2)
    assert after[-1] < 10


def test_a_shape_stays_a_shape() -> None:
    ramp = work_out(RequestPace(rate=100, duration_s=10, form=ScheduleForm.RAMP, peak=300))
    dial = Dial()
    dial.turn(0.5, 0.0)
    times = list(ramp.times(dial))
    assert len(times) == pytest.approx(1000, abs=1)
    assert sum(each < 5 for each in times) == pytest.approx(375, abs=2)


def test_random_arrivals_are_turned_too() -> None:
    dial = Dial()
    dial.turn(3.0, 0.0)
    times = list(work_out(RequestPace(100, 10, arrivals=Arrivals.POISSON, seed=1)).times(dial))
    assert len(times) == pytest.approx(3000, rel=0.1)


def test_untouched_it_changes_nothing() -> None:
    assert list(STEADY.times(Dial())) == list(STEADY.times())
    assert STEADY.turned(Dial()) == STEADY


@pytest.mark.parametrize(
    ("keys", "factor"),
    [(b"+", 1.1), (b"=", 1.1), (b"++", 1.21), (b"-", 1 / 1.1), (b"+++0", 1.0), (b"xq\x1b", 1.0)],
)
def test_keys_turn_it(keys: bytes, factor: float) -> None:
    dial = Dial()
    press(keys, dial, 2.0)
    assert dial.factor == pytest.approx(factor)


def test_of_many_turns_the_last_are_named() -> None:
    dial = Dial()
    for number in range(1, 51):
        dial.turn(number / 10, number)
    assert dial.words.startswith("; changed by hand 50 times, lastly: x4.3 from 43.0 s, x4.4 from")
    assert dial.words.endswith(", x5 from 50.0 s")


def test_it_has_its_bounds() -> None:
    dial = Dial()
    press(b"+" * 100, dial, 0.0)
    assert dial.factor == MOST
    press(b"-" * 200, dial, 0.0)
    assert dial.factor == LEAST


def test_the_report_has_the_rates_as_they_became_and_says_who_did_it() -> None:
    dial = Dial()
    dial.turn(2.0, 4.0)
    dial.turn(1.0, 6.0)
    turned = STEADY.turned(dial)
    assert turned.words == "100/s for 10 s; changed by hand: x2 from 4.0 s, x1 from 6.0 s"
    rates = dict(turned.rates)
    assert (rates[3.0], rates[5.0], rates[7.0]) == (100, 200, 100)
    assert [rate for at_s, rate in turned.rates if at_s == 4.0][:2] == [100, 200]
