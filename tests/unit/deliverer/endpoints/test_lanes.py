"""How many attempts an endpoint may have under way, and who waits for one."""

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from portcall.deliverer.endpoints.breaker import FEW_S, FIRST_OPEN_S, MANY_FAILURES
from portcall.deliverer.endpoints.lane import FIRST_CAP, LEAST_UNUSUAL_S, PART, RECOVERED_S, Pace
from portcall.deliverer.endpoints.lanes import HANGING, MAX_PAUSE_S, MAX_WAIT_S, Admission, Lanes

START, WAIT, PARK = Admission.START, Admission.WAIT, Admission.PARK


def lanes(max_cap: int = 16, max_in_flight: int = 100, max_idle: int = 100) -> Lanes[str]:
    return Lanes[str](max_cap=max_cap, max_in_flight=max_in_flight, max_idle=max_idle)


def admissions(held: Lanes[str], webhook_id: int, count: int, now: float = 0.0) -> list[Admission]:
    return [held.admit(webhook_id, f"{webhook_id}.{n}", now) for n in range(count)]


def finish(
    held: Lanes[str],
    webhook_id: int,
    *,
    started: float,
    now: float,
    healthy: bool | None = True,
) -> list[str]:
    return held.finish(webhook_id, healthy=healthy, started=started, now=now)


# -- admission -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_cap", "max_in_flight", "started"),
    [(16, 100, 4), (4, 100, 4), (3, 100, 3), (1, 100, 1), (16, 2, 2), (16, 1, 1)],
)
def test_a_new_endpoint_starts_with_a_few(max_cap: int, max_in_flight: int, started: int) -> None:
    held = lanes(max_cap, max_in_flight)
    assert admissions(held, 7, 6) == [START] * started + [WAIT] * (6 - started)
    assert held.in_flight == started


def test_endpoints_do_not_share_a_cap() -> None:
    held = lanes()
    for webhook_id in range(10):
        assert admissions(held, webhook_id, FIRST_CAP) == [START] * FIRST_CAP


def test_nobody_overtakes_a_line() -> None:
    held = lanes(max_cap=1)
    assert admissions(held, 7, 2) == [START, WAIT]
    assert finish(held, 7, started=0.0, now=0.1, healthy=True) == ["7.1"]
    assert held.admit(7, "late", 0.2) is WAIT


@pytest.mark.parametrize(
    ("latency_s", "waiting"),
    [(0.1, 10), (0.3, 3), (0.5, 2), (0.99, 1), (1.0, 1), (1.1, 0), (15.0, 0)],
)
def test_a_line_is_as_long_as_can_be_gone_in_a_second(latency_s: float, waiting: int) -> None:
    held = lanes(max_cap=1)
    held.admit(7, "first", 0.0)
    finish(held, 7, started=0.0, now=latency_s)
    expected = [START] + [WAIT] * waiting + [PARK] * 3
    assert admissions(held, 7, 4 + waiting, now=latency_s) == expected


def test_a_larger_cap_has_a_longer_line() -> None:
    held = lanes(max_cap=4)
    held.admit(7, "first", 0.0)
    finish(held, 7, started=0.0, now=0.5)
    assert Counter(admissions(held, 7, 20, now=0.5)) == {START: 4, WAIT: 8, PARK: 8}


def test_a_hanging_endpoint_is_found_out_before_its_first_timeout() -> None:
    held = lanes()
    assert admissions(held, 7, 4) == [START] * 4
    assert held.admit(7, "soon", 0.5) is WAIT
    assert held.admit(7, "later", 5.0) is PARK
    assert held.look(5.0)[0] == ["soon"]
    assert held.admit(8, "another", 5.0) is START


def test_a_hanging_endpoint_comes_down_to_one_attempt_at_a_time() -> None:
    held = lanes()
    admissions(held, 7, 4)
    for _ in range(4):
        assert finish(held, 7, started=0.0, now=15.0, healthy=False) == []
    assert admissions(held, 7, 3, now=15.0) == [START, PARK, PARK]


def test_a_healthy_endpoint_comes_up_to_its_full_cap() -> None:
    held = lanes(max_cap=16)
    for n in range(20):
        held.admit(7, "item", float(n))
        finish(held, 7, started=float(n), now=n + 0.01)
    assert admissions(held, 7, 17, now=30.0) == [START] * 16 + [WAIT]


def test_an_endpoint_that_recovers_is_trusted_again() -> None:
    held = lanes(max_cap=8)
    for n in range(3):
        held.admit(7, "item", n * 20.0)
        finish(held, 7, started=n * 20.0, now=n * 20.0 + 15, healthy=False)
    for n in range(100, 130):
        held.admit(7, "item", n * 20.0)
        finish(held, 7, started=n * 20.0, now=n * 20.0 + 0.01)
    assert Counter(admissions(held, 7, 20, now=10_000.0)) == {START: 8, WAIT: 12}


@pytest.mark.parametrize(
    ("outcomes", "cap"),
    [
        ([], 4),
        ([True], 5),
        ([True] * 20, 16),
        ([False], 2),
        ([False, False], 1),
        ([False] * 9, 1),
        ([False, True, True], 4),
        ([None] * 9, 4),
        ([False, None, False], 1),
    ],
    ids=str,
)
def test_the_cap_grows_by_one_and_is_halved(outcomes: list[bool | None], cap: int) -> None:
    held = lanes(max_cap=16)
    for n, healthy in enumerate(outcomes):
        held.admit(7, "item", float(n))
        finish(held, 7, started=float(n), now=float(n), healthy=healthy)
    assert admissions(held, 7, 20, now=99.0).count(START) == cap


def test_what_was_not_sent_says_nothing_of_the_endpoint() -> None:
    held = lanes(max_cap=1)
    held.admit(7, "first", 0.0)
    finish(held, 7, started=0.0, now=60.0, healthy=None)
    assert admissions(held, 7, 3, now=60.0) == [START, WAIT, WAIT]


# -- lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("healthy", "next_items"),
    [(True, ["7.4", "7.5"]), (False, []), (None, ["7.4"])],
    ids=["cap-grows", "cap-halved", "not-sent"],
)
def test_the_line_follows_the_cap(next_items: list[str], *, healthy: bool | None) -> None:
    held = lanes()
    admissions(held, 7, 8)
    assert finish(held, 7, started=0.0, now=0.1, healthy=healthy) == next_items


def test_a_line_is_gone_in_order_and_wholly() -> None:
    held = lanes(max_cap=1)
    admissions(held, 7, 6)
    gone = [finish(held, 7, started=0.0, now=0.0) for _ in range(6)]
    assert gone == [["7.1"], ["7.2"], ["7.3"], ["7.4"], ["7.5"], []]
    assert held.in_flight == 0


@pytest.mark.parametrize(
    ("now", "left"),
    [(0.9, []), (1.0, []), (1.05, ["a"]), (1.25, ["a", "b"]), (9.0, ["a", "b", "c"])],
)
def test_what_waits_too_long_leaves_its_line(now: float, left: list[str]) -> None:
    held = lanes(max_cap=1)
    held.admit(7, "under way", 0.0)
    for item, at in (("a", 0.0), ("b", 0.2), ("c", 0.3)):
        assert held.admit(7, item, at) is WAIT
    assert held.look(now)[0] == left
    assert held.look(now)[0] == []
    rest = [item for item in "abc" if item not in left]
    assert finish(held, 7, started=0.0, now=now) == rest[:1]


def test_a_line_that_was_left_is_no_trap_for_the_next() -> None:
    held = lanes(max_cap=1)
    admissions(held, 7, 2)
    assert held.look(MAX_WAIT_S + 1)[0] == ["7.1"]
    assert finish(held, 7, started=0.0, now=0.5, healthy=None) == []
    assert held.admit(7, "next", 3.0) is START


def test_lines_are_emptied_when_the_process_stops() -> None:
    held = lanes(max_cap=1, max_in_flight=2)
    for webhook_id in (1, 2, 3):
        admissions(held, webhook_id, 3)
    assert sorted(held.empty_lines()) == ["1.1", "1.2", "2.1", "2.2", "3.0", "3.1", "3.2"]
    assert held.empty_lines() == []
    assert held.in_flight == 2
    assert finish(held, 1, started=0.0, now=0.1) == []
    assert finish(held, 2, started=0.0, now=0.1) == []
    assert held.in_flight == 0


# -- turns ---------------------------------------------------------------------------------------


def test_who_is_parked_books_a_turn_behind_the_line_and_the_others() -> None:
    held = lanes(max_cap=1)
    held.admit(7, "first", 0.0)
    finish(held, 7, started=0.0, now=0.5)
    assert admissions(held, 7, 3, now=0.5) == [START, WAIT, WAIT]
    assert [held.turn_s(7, 0.5) for _ in range(3)] == [1.5, 2.0, 2.5]
    assert held.turn_s(7, 2.0) == 4.5  # the one under way takes 1.5 s already


def test_a_larger_cap_has_its_turns_sooner() -> None:
    held = lanes(max_cap=4)
    held.admit(7, "first", 0.0)
    finish(held, 7, started=0.0, now=4.0)
    assert admissions(held, 7, 5, now=4.0) == [START] * 4 + [WAIT]
    assert [held.turn_s(7, 4.0) for _ in range(3)] == [2.0, 3.0, 4.0]


def test_turns_at_an_endpoint_that_hangs_are_far_apart() -> None:
    held = lanes(max_cap=1)
    held.admit(7, "first", 0.0)
    assert [held.turn_s(7, 10.0) for _ in range(8)] == [10, 20, 30, 40, 50, 60, 60, 60]


def test_turns_are_not_booked_far_ahead_for_the_endpoint_may_recover() -> None:
    held = lanes(max_cap=1)
    held.admit(7, "first", 0.0)
    for _ in range(10_000):
        held.turn_s(7, 15.0)
    finish(held, 7, started=0.0, now=15.0)
    held.admit(7, "second", 15.0)
    assert held.turn_s(7, 76.0) == pytest.approx(61.0, abs=1.1)


def test_nobody_knows_the_turn_where_it_is_the_process_that_has_no_room() -> None:
    held = lanes(max_in_flight=1)
    held.admit(1, "first", 0.0)
    assert held.admit(2, "second", 0.0) is WAIT
    assert held.turn_s(2, 2.0) is None


class Burst:
    """Deliveries that all arrive at once for one endpoint, and what becomes of them in time."""

    def __init__(self, count: int, latency_s: float) -> None:
        self.held = lanes(max_cap=16)
        self.latency_s = latency_s
        self.left = count
        self.parks = 0
        self.now = 0.0
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[float], None], float]] = []
        for _ in range(count):
            self._at(0.0, self._arrive)
        self._at(0.25, self._look)

    def run(self) -> None:
        while self.left:
            self.now, _, happen, started = heapq.heappop(self._events)
            happen(started)

    def _at(self, when: float, happen: Callable[[float], None], started: float = 0.0) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), happen, started))

    def _start(self) -> None:
        self._at(self.now + self.latency_s, self._end, self.now)

    def _park(self) -> None:
        self.parks += 1
        turn_s = self.held.turn_s(7, self.now)
        assert turn_s is not None
        self._at(self.now + max(2.0, turn_s), self._arrive)

    def _arrive(self, _: float) -> None:
        admission = self.held.admit(7, "item", self.now)
        if admission is START:
            self._start()
        elif admission is PARK:
            self._park()

    def _end(self, started: float) -> None:
        self.left -= 1
        for _ in finish(self.held, 7, started=started, now=self.now):
            self._start()

    def _look(self, _: float) -> None:
        for _item in self.held.look(self.now)[0]:
            self._park()
        self._at(self.now + 0.25, self._look)


@pytest.mark.parametrize(
    ("count", "latency_s"), [(1000, 0.05), (1000, 0.3), (1000, 1.0), (300, 3.0)]
)
def test_a_burst_is_through_in_little_more_than_it_takes(count: int, latency_s: float) -> None:
    """With a pause that only doubles, the second took 14 times as long, and 16 parks for each."""
    burst = Burst(count, latency_s)
    burst.run()
    assert burst.now < 1.6 * count * latency_s / 16 + 5
    assert burst.parks < 3 * count


# -- the process's own limit ---------------------------------------------------------------------


def test_a_free_place_goes_to_whoever_the_process_held_up() -> None:
    held = lanes(max_in_flight=1)
    assert [held.admit(n, str(n), 0.0) for n in (1, 2, 3)] == [START, WAIT, WAIT]
    assert finish(held, 1, started=0.0, now=0.1) == ["2"]
    assert finish(held, 2, started=0.1, now=0.2) == ["3"]


def test_a_busy_lane_does_not_take_every_free_place() -> None:
    """It once did: its own line always went first, and the others were parked."""
    held = lanes(max_cap=16, max_in_flight=2)
    admissions(held, 1, 20)
    admissions(held, 2, 3)
    admissions(held, 3, 3)
    gone: list[str] = []
    running = ["1.0", "1.1"]
    while running:
        started = finish(held, int(running.pop(0)[0]), started=0.0, now=0.0)
        gone += started
        running += started
    assert gone[:9] == ["1.2", "2.0", "3.0", "1.3", "2.1", "3.1", "1.4", "2.2", "3.2"]
    assert len(gone) == 24


def test_a_lane_that_its_own_cap_holds_up_keeps_no_place_from_others() -> None:
    held = lanes(max_cap=1, max_in_flight=2)
    assert admissions(held, 1, 3) == [START, WAIT, WAIT]
    assert admissions(held, 2, 1) == [START]
    assert admissions(held, 3, 1) == [WAIT]
    assert finish(held, 2, started=0.0, now=0.1) == ["3.0"]
    assert finish(held, 1, started=0.0, now=0.1) == ["1.1"]


def test_a_cap_that_was_halved_holds_for_who_was_held_up() -> None:
    held = lanes(max_in_flight=4)
    admissions(held, 1, 8)
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == []
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == []
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == []
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == ["1.4"]


def test_a_lane_whose_cap_was_halved_gives_its_place_to_the_next() -> None:
    held = lanes(max_in_flight=4)
    assert admissions(held, 1, 4) == [START] * 4
    assert finish(held, 1, started=0.0, now=0.0, healthy=None) == []
    assert [held.admit(2, "2.0", 0.0), held.admit(1, "1.4", 0.0)] == [START, WAIT]
    assert held.admit(3, "3.0", 0.0) is WAIT
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == ["3.0"]


# -- memory --------------------------------------------------------------------------------------


def test_idle_lanes_are_forgotten_the_older_ones_first() -> None:
    held = lanes(max_idle=100)
    for webhook_id in range(1000):
        held.admit(webhook_id, "item", 0.0)
        finish(held, webhook_id, started=0.0, now=0.1, healthy=False)
        assert len(held._lanes) <= 100
    assert 999 in held._lanes and 0 not in held._lanes


def test_lanes_with_something_to_do_are_never_forgotten() -> None:
    held = lanes(max_cap=1, max_in_flight=50, max_idle=10)
    for webhook_id in range(100):
        admissions(held, webhook_id, 2)
    assert len(held._lanes) == 100
    gone = held.empty_lines()
    assert len(gone) == 150
    for webhook_id in range(50):
        finish(held, webhook_id, started=0.0, now=0.1)
    assert held.in_flight == 0


# -- whatever happens ----------------------------------------------------------------------------


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


# -- the sick ------------------------------------------------------------------------------------


def fail(held: Lanes[str], webhook_id: int, times: int, *, at: float, lasting: float) -> None:
    for _ in range(times):
        assert held.admit(webhook_id, "item", at) is START
        finish(held, webhook_id, started=at, now=at + lasting, healthy=False)


def test_the_sick_share_a_fifth_of_the_process() -> None:
    held = lanes(max_in_flight=10)
    for webhook_id in (1, 2, 3):
        fail(held, webhook_id, 2, at=0.0, lasting=0.1)
    assert [held.admit(n, str(n), 1.0) for n in (1, 2, 3)] == [START, START, PARK]
    assert [held.admit(n, str(n), 1.0) for n in range(10, 20)] == [START] * 10
    assert held.admit(20, "20", 1.0) is WAIT


def test_one_of_the_sick_may_always_try() -> None:
    held = lanes(max_in_flight=2)
    fail(held, 1, 2, at=0.0, lasting=0.1)
    assert held.admit(1, "1", 1.0) is START


def test_attempts_that_hang_take_nobodys_place() -> None:
    held = lanes(max_in_flight=4)
    assert admissions(held, 1, 4) == [START] * 4
    assert held.admit(2, "2.0", 0.1) is WAIT
    assert held.look(LEAST_UNUSUAL_S) == ([], [])
    assert held.look(LEAST_UNUSUAL_S + 0.1) == ([], ["2.0"])
    assert held.sick_in_flight == 4
    assert [held.admit(n, str(n), 0.7) for n in (3, 4, 5, 6)] == [START, START, START, WAIT]


def test_however_many_hang_there_is_an_end() -> None:
    held = lanes(max_in_flight=1)
    started = 0
    for webhook_id in range(2 * HANGING):
        started += held.admit(webhook_id, "item", float(webhook_id)) is START
        held.look(webhook_id + 0.9)
    assert started == HANGING


def test_what_hung_and_is_answered_is_well_again() -> None:
    held = lanes(max_in_flight=4)
    admissions(held, 1, 1)
    held.look(1.0)
    assert held.sick_in_flight == 1
    finish(held, 1, started=0.0, now=1.1)
    assert admissions(held, 1, 4, now=1.1) == [START] * 4
    assert held.sick_in_flight == 0


def test_a_slow_endpoint_is_sick_although_it_answers() -> None:
    held = lanes(max_in_flight=10)
    held.admit(1, "1.0", 0.0)
    finish(held, 1, started=0.0, now=2.5)
    assert admissions(held, 1, 3, now=3.0) == [START, START, PARK]


# -- the breaker and pauses ----------------------------------------------------------------------


def opened() -> tuple[Lanes[str], list[tuple[int, float]]]:
    """Lanes in which webhook 7's breaker has just opened, at 100.0."""
    told: list[tuple[int, float]] = []
    held = Lanes[str](max_cap=16, max_in_flight=100, on_change=lambda *change: told.append(change))
    fail(held, 7, MANY_FAILURES - 1, at=0.0, lasting=0.1)
    assert not told
    fail(held, 7, 1, at=99.9, lasting=0.1)
    return held, told


def test_an_open_breaker_parks_everything_until_its_end() -> None:
    held, told = opened()
    assert told == [(7, 100.0 + FIRST_OPEN_S - 100.0)]
    assert held.open_breakers == 1
    assert admissions(held, 7, 2, now=100.0 + FIRST_OPEN_S - 0.1) == [PARK, PARK]
    turn_s = held.turn_s(7, 100.0)
    assert turn_s is not None and turn_s >= FIRST_OPEN_S


def test_then_one_delivery_tries() -> None:
    held, told = opened()
    again = 100.0 + FIRST_OPEN_S
    assert admissions(held, 7, 3, now=again) == [START, PARK, PARK]
    finish(held, 7, started=again, now=again + 0.1)
    assert told[1:] == [(7, 0.0)]
    assert held.open_breakers == 0
    assert admissions(held, 7, 2, now=again + 0.2) == [START, START]


def test_one_that_fails_opens_it_for_longer() -> None:
    held, told = opened()
    again = 100.0 + FIRST_OPEN_S
    assert held.admit(7, "item", again) is START
    finish(held, 7, started=again, now=again + 0.1, healthy=False)
    ((webhook_id, for_s),) = told[1:]
    assert (webhook_id, round(for_s, 6)) == (7, 2 * FIRST_OPEN_S)
    assert held.admit(7, "item", again + FIRST_OPEN_S) is PARK


def test_what_is_in_the_line_is_parked_when_the_breaker_opens() -> None:
    held = lanes(max_cap=2)
    fail(held, 7, 2, at=0.0, lasting=0.1)
    assert [held.admit(7, item, 200.0) for item in "abc"] == [START, WAIT, WAIT]
    assert finish(held, 7, started=200.0, now=200.1 + FEW_S, healthy=False) == []
    assert held.look(200.2 + FEW_S) == (["b", "c"], [])


def test_a_pause_holds_for_fresh_deliveries_and_for_those_in_line() -> None:
    held = lanes(max_cap=1)
    assert admissions(held, 7, 2) == [START, WAIT]
    held.pause(7, 3.0, 0.1)
    assert finish(held, 7, started=0.0, now=0.2) == []
    assert held.look(0.25) == (["7.1"], [])
    assert held.admit(7, "next", 3.0) is PARK
    assert held.admit(7, "next", 3.2) is START
    assert held.admit(8, "other", 0.2) is START


def test_a_pause_ends_when_another_process_says_so_and_is_never_endless() -> None:
    held = lanes()
    held.pause(7, 86_400.0, 0.0)
    assert held.admit(7, "item", MAX_PAUSE_S - 1) is PARK
    assert held.admit(7, "item", MAX_PAUSE_S + 1) is START
    held.pause(8, 60.0, 0.0)
    held.pause(8, 0.0, 1.0)
    assert held.admit(8, "item", 1.0) is START


def test_a_pause_that_the_endpoint_asks_for_is_told() -> None:
    told: list[tuple[int, float]] = []
    held = Lanes[str](max_cap=1, max_in_flight=1, on_change=lambda *change: told.append(change))
    held.ask_pause(7, 30.0, 0.0)
    assert told == [(7, 30.0)]
    assert held.admit(7, "item", 29.0) is PARK


# -- after an outage -----------------------------------------------------------------------------


def recovered(*, fresh_per_s: int) -> tuple[Lanes[str], float]:
    """Lanes in which webhook 7's breaker has just closed, and when; fresh ones came before."""
    held = lanes(max_cap=100)
    for second in range(300 if fresh_per_s else 0):
        for _ in range(fresh_per_s):
            held.admit(7, "item", float(second))
            finish(held, 7, started=float(second), now=second + 0.01)
    for at in (300.0, 310.0, 340.0):
        assert held.admit(7, "item", at, fresh=False) is START
        finish(held, 7, started=at, now=at + 0.1, healthy=False)
    assert held.open_breakers == 1
    assert held.admit(7, "probe", 400.0, fresh=False) is START
    finish(held, 7, started=400.0, now=400.0)
    return held, 400.0


def let_go(held: Lanes[str], begin: float, seconds: int, *, fresh_per_s: int) -> list[int]:
    """How many of very many that had waited go in each second."""
    gone = [0] * seconds
    for tenth in range(10 * seconds):
        now = begin + tenth / 10
        for _ in range((tenth + 1) * fresh_per_s // 10 - tenth * fresh_per_s // 10):
            assert held.admit(7, "fresh", now) is START
            finish(held, 7, started=now, now=now)
        while held.admit(7, "item", now, fresh=False) is START:
            finish(held, 7, started=now, now=now)
            gone[tenth // 10] += 1
    return gone


def test_what_waited_comes_back_as_fast_as_fresh_ones_used_to_come() -> None:
    held, now = recovered(fresh_per_s=20)
    gone = let_go(held, now, 60, fresh_per_s=20)
    assert max(gone) <= 22
    assert sum(gone) / 60 == pytest.approx((2 * PART - 1) * 20, rel=0.1)


def test_without_fresh_ones_it_is_twice_as_fast_and_no_faster() -> None:
    held, now = recovered(fresh_per_s=20)
    gone = let_go(held, now, 1_200, fresh_per_s=0)
    assert max(gone[1:]) <= 42
    assert sum(gone[-600:]) / 600 == pytest.approx(PART * 40, rel=0.1)


@pytest.mark.parametrize("fresh_per_s", [0, 20])
def test_where_nothing_is_known_of_before_it_begins_slowly_and_grows(fresh_per_s: int) -> None:
    held, now = recovered(fresh_per_s=0)
    gone = let_go(held, now, 600, fresh_per_s=fresh_per_s)
    assert sum(gone[:30]) <= 30
    assert sum(gone[-30:]) > 3_000


def test_a_burst_of_fresh_ones_keeps_back_what_waited_and_not_for_long() -> None:
    held, now = recovered(fresh_per_s=20)
    for _ in range(100):
        held.admit(7, "fresh", now)
        finish(held, 7, started=now, now=now)
    gone = let_go(held, now, 10, fresh_per_s=0)
    assert gone[:2] == [0, 0]
    assert sum(gone) == pytest.approx(10 * 2 * PART * 20 - 100, rel=0.1)
    for _ in range(1_000):
        held.admit(7, "fresh", now + 10)
        finish(held, 7, started=now + 10, now=now + 10)
    assert sum(let_go(held, now + 10, 6, fresh_per_s=0)) > 0


def test_who_is_parked_for_the_pace_books_a_turn() -> None:
    held, now = recovered(fresh_per_s=20)
    let_go(held, now, 1, fresh_per_s=0)
    turns = [held.turn_s(7, now) for _ in range(100)]
    assert turns[99] == pytest.approx(100 / 20, rel=0.2)


def test_what_was_accepted_since_the_last_failure_goes_before_all_that_is_older() -> None:
    held, now = recovered(fresh_per_s=20)
    let_go(held, now, 1, fresh_per_s=0)
    old = [held.turn_s(7, now, accepted=300.0) for _ in range(100)]
    young = [held.turn_s(7, now, accepted=345.0) for _ in range(100)]
    assert old[99] == young[99] == pytest.approx(100 / 20, rel=0.2)
    older = held.turn_s(7, now)
    assert older is not None
    assert older > 100 / 20

    def go(at: float, accepted: float) -> Admission:
        admission = held.admit(7, "item", at, fresh=False, accepted=accepted)
        if admission is START:
            finish(held, 7, started=at, now=at)
        return admission

    halfway = now + 2.5
    assert [go(halfway, 300.0), go(halfway, 345.0)] == [PARK, START]
    after = now + 100 / 20 * 1.2
    assert [go(after, 300.0), go(after, -math.inf)] == [START, START]


def test_the_pace_ends_when_nobody_had_to_wait_for_long() -> None:
    held, now = recovered(fresh_per_s=2)
    later = now + RECOVERED_S + 1
    for _ in range(1_000):
        assert held.admit(7, "item", later, fresh=False) is START
        finish(held, 7, started=later, now=later)


def test_the_usual_rate_is_known_after_seconds_and_outlives_an_outage() -> None:
    pace = Pace()
    for tenth in range(50):
        pace.count(1_000 + tenth / 10)
    assert pace.usual == pytest.approx(10, rel=0.05)
    pace.count(2_000)
    assert pace.usual > 3
    for tenth in range(600):
        pace.count(2_000 + tenth / 10)
    assert pace.usual == pytest.approx(10, rel=0.1)


def test_retries_at_their_own_time_are_not_held_back_by_the_pace() -> None:
    """They once were: an endpoint that needs several attempts has more of them than the pace."""
    held, now = recovered(fresh_per_s=2)
    let_go(held, now, 1, fresh_per_s=0)
    for number in range(100):
        at = now + 1 + number / 100
        admission = held.admit(7, "retry", at, fresh=False, parked=False, attempt=2)
        assert admission is START
        finish(held, 7, started=at, now=at)


def test_fresh_ones_that_come_faster_than_before_do_not_take_every_turn() -> None:
    """They once did: with twice the usual rate from then on, what had waited waited for ever."""
    held, now = recovered(fresh_per_s=4)
    gone = let_go(held, now, 240, fresh_per_s=12)
    assert sum(gone[120:]) / 120 > 4


@pytest.mark.parametrize(("strained", "in_a_minute"), [(False, 60), (True, 12)])
def test_what_had_to_wait_comes_slowly_while_nothing_succeeds(
    *, strained: bool, in_a_minute: int
) -> None:
    pace = Pace(reached=1.0)
    pace.begin(100.0, 90.0)
    times = [100.0 + tenth / 10 for tenth in range(600)]
    gone = sum(pace.lets_go(at, 0.0, strained=strained) for at in times)
    assert in_a_minute <= gone <= 1.5 * in_a_minute


def test_a_pace_that_follows_from_nothing_goes_on_after_a_further_outage() -> None:
    pace = Pace()
    pace.begin(100.0, 90.0)
    for tenth in range(1_000, 2_000):
        pace.lets_go(tenth / 10, 0.0)
    before_s = pace.each_s(200.0)
    assert 0 < before_s < 1
    pace.stop(200.0)
    pace.begin(1_000.0, 990.0)
    assert pace.each_s(1_000.0) == pytest.approx(before_s)
    assert pace.each_s(1_060.0) == pytest.approx(before_s / 2)


# -- what other processes tell, and time that is left out ----------------------------------------


def test_news_that_it_is_well_close_the_breaker() -> None:
    held, told = opened()
    held.hear(7, 0.0, 101.0)
    assert held.open_breakers == 0
    assert held.admit(7, "first", 101.0) is START
    del told[:]
    finish(held, 7, started=101.0, now=101.1, healthy=False)
    assert held.admit(7, "next", 101.2) is START
    assert not told, "one failure here does not have the others wait"


def test_a_trial_after_news_of_a_pause_waits_for_its_kind() -> None:
    """The wait for it was over before the pause was: two deliverers hardly tried a retry."""
    held, _ = opened()
    held.turn_s(7, 100.0, attempt=3)
    held.hear(7, 60.0, 100.0)
    assert held.admit(7, "fresh", 160.1) is PARK
    assert held.admit(7, "retry", 160.1, fresh=False, attempt=3) is START


def test_a_success_in_spite_of_the_news_is_told() -> None:
    told: list[tuple[int, float]] = []
    held = Lanes[str](max_cap=4, max_in_flight=9, on_change=lambda *change: told.append(change))
    held.admit(7, "under way", 0.0)
    held.hear(7, 10.0, 1.0)
    finish(held, 7, started=0.0, now=2.0)
    assert told == [], "the pause holds: the endpoint may have asked for it"
    for at in (11.5, 12.0):
        assert held.admit(7, "next", at) is START
        finish(held, 7, started=at, now=at)
    assert told == [(7, 0.0)], "once"


def test_a_breaker_that_closes_does_not_end_a_pause() -> None:
    held, told = opened()
    again = 100.0 + FIRST_OPEN_S
    assert held.admit(7, "trial", again) is START
    held.pause(7, 60.0, again)
    finish(held, 7, started=again, now=again + 0.1)
    assert (7, 0.0) not in told
    assert held.admit(7, "next", again + 59) is PARK


def test_time_that_the_clock_leaves_out_makes_nothing_older_and_lets_pauses_end() -> None:
    held = lanes(max_cap=1)
    assert admissions(held, 7, 2) == [START, WAIT]
    held.pause(8, 50.0, 0.0)
    held.skip(40.0)
    assert held.look(0.9) == ([], [])
    assert held.admit(8, "early", 9.9) is PARK
    assert held.admit(8, "on time", 10.1) is START


def test_time_in_which_nothing_could_be_attempted_opens_no_breaker() -> None:
    held = lanes()
    fail(held, 7, MANY_FAILURES - 1, at=0.0, lasting=0.1)
    held.be_away(40.0)
    fail(held, 7, 5, at=40.2, lasting=0.1)
    assert held.open_breakers == 0
