"""Lines: who waits at an endpoint, when its turn is, and when it is parked."""

import heapq
import itertools
from collections.abc import Callable

import pytest

from portcall.deliverer.endpoints.lanes import MAX_WAIT_S
from tests.unit.deliverer.endpoints.lanes.samples import (
    PARK,
    START,
    WAIT,
    admissions,
    finish,
    lanes,
)


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


# -- turns ------------------------------------------------------------------------------------------


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
