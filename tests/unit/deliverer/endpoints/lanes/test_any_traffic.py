"""Whatever happens, no lane and no process exceeds its limit, and nobody waits for ever."""

import itertools
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from portcall.deliverer.endpoints.lanes import HANGING, Admission, Lanes
from tests.unit.deliverer.endpoints.lanes.samples import (
    START,
)


class AnyTraffic(RuleBasedStateMachine):
    """Any order of calls, against a list of who must be where."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.looked = 0.0
        self.numbers = itertools.count()
        self.running: list[tuple[int, int, float]] = []
        self.waiting: dict[int, int] = {}

    @initialize(limits=st.sampled_from([(1, 3), (2, 2), (5, 4), (16, 6)]))
    def make(self, limits: tuple[int, int]) -> None:
        self.max_cap, self.max_in_flight = limits
        self.held = Lanes[int](max_cap=self.max_cap, max_in_flight=self.max_in_flight, max_idle=4)

    @rule(webhook_id=st.integers(1, 6))
    def admit(self, webhook_id: int) -> None:
        item = next(self.numbers)
        match self.held.admit(webhook_id, item, self.now):
            case Admission.START:
                self.running.append((item, webhook_id, self.now))
            case Admission.WAIT:
                self.waiting[item] = webhook_id
            case Admission.PARK:
                pass

    @precondition(lambda self: self.running)
    @rule(place=st.integers(0, 99), healthy=st.sampled_from([True, True, False, None]))
    def finish(self, place: int, *, healthy: bool | None) -> None:
        _, webhook_id, started = self.running.pop(place % len(self.running))
        for item in self.held.finish(webhook_id, healthy=healthy, started=started, now=self.now):
            self.running.append((item, self.waiting.pop(item), self.now))

    @rule(seconds=st.sampled_from([0.001, 0.1, 0.6, 20.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def look(self) -> None:
        self.looked = self.now
        expired, starting = self.held.look(self.now)
        for item in expired:
            del self.waiting[item]
        for item in starting:
            self.running.append((item, self.waiting.pop(item), self.now))

    @rule(webhook_id=st.integers(1, 6), seconds=st.sampled_from([0.0, 0.5, 30.0]))
    def pause(self, webhook_id: int, seconds: float) -> None:
        self.held.pause(webhook_id, seconds, self.now)

    @rule()
    def empty_lines(self) -> None:
        assert sorted(self.held.empty_lines()) == sorted(self.waiting)
        self.waiting.clear()

    @invariant()
    def counts_are_true(self) -> None:
        assert self.held.in_flight == len(self.running) <= HANGING * self.max_in_flight
        sick = [each for _, each, _ in self.running if self.held._lanes[each].sick]
        assert self.held.sick_in_flight == len(sick)
        assert self.held.in_flight - self.held.sick_in_flight <= self.max_in_flight
        for webhook_id, count in Counter(each for _, each, _ in self.running).items():
            lane = self.held._lanes[webhook_id]
            assert lane.in_flight == count <= self.max_cap

    @invariant()
    def nobody_is_lost(self) -> None:
        lines = {item for lane in self.held._lanes.values() for _, item in lane.line}
        assert lines == set(self.waiting)
        assert set(self.held._waiting) == set(self.waiting.values())
        well = [each for each in self.waiting.values() if not self.held._lanes[each].sick]
        assert self.held.waiting_well == len(well)

    @invariant()
    def no_place_stays_free_that_somebody_waits_for(self) -> None:
        """Not at once: the end of a pause is noticed at the next look."""
        for lane in self.held._waiting.values():
            if lane.has_room and not lane.is_barred(self.looked):
                assert lane.webhook_id in self.held._held_up[lane.sick]


AnyTraffic.TestCase.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestAnyTraffic = AnyTraffic.TestCase


def line_of_a_paused_endpoint() -> Lanes[str]:
    """The endpoint 2 had its turn while it was paused, until 0.5; it is 0.1 now."""
    held = Lanes[str](max_cap=1, max_in_flight=1)
    assert held.admit(1, "first", 0.0) is START
    assert held.admit(2, "paused", 0.0) is Admission.WAIT
    held.pause(2, 0.5, 0.0)
    assert held.finish(1, healthy=True, started=0.0, now=0.1) == []
    return held


@pytest.mark.parametrize("over", [Lanes.pause, Lanes.hear])
def test_a_line_has_its_turn_when_a_pause_is_over(
    over: Callable[[Lanes[str], int, float, float], None],
) -> None:
    held = line_of_a_paused_endpoint()
    over(held, 2, 0.0, 0.2)
    assert held.admit(3, "third", 0.3) is START
    assert held.finish(3, healthy=True, started=0.3, now=0.4) == ["paused"]


def test_a_line_has_its_turn_when_the_time_of_a_pause_has_passed() -> None:
    assert line_of_a_paused_endpoint().look(0.6) == ([], ["paused"])


def test_those_in_all_lines_are_counted() -> None:
    lanes = Lanes[int](max_cap=1, max_in_flight=10)
    for item in range(5):
        for webhook_id in (1, 2):
            lanes.admit(webhook_id, item, 0.0)
    assert lanes.waiting == 8

    lanes.finish(1, healthy=True, started=0.0, now=0.01)
    assert lanes.waiting == 7
    assert len(lanes.look(5.0)[0]) == 7
    assert lanes.waiting == 0

    lanes.admit(1, 9, 5.0)
    lanes.empty_lines()
    assert lanes.waiting == 0
