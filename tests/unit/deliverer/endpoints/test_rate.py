"""A webhook's own rate: never passed, used in full, and nobody else's business."""

import heapq
from collections import Counter, deque

import pytest

from portcall.deliverer.endpoints.lanes import MAX_HELD_BACK, Admission, Lanes
from portcall.deliverer.endpoints.rate import BURST_S, Rate
from portcall.deliverer.endpoints.rate_sharing import Sharing
from portcall.runtime.errors import BrokerError
from portcall.runtime.pacing import Activity

START, WAIT, PARK = Admission.START, Admission.WAIT, Admission.PARK
TICK_S = 0.05


def lanes(max_cap: int = 16, max_in_flight: int = 100) -> Lanes[str]:
    return Lanes[str](max_cap=max_cap, max_in_flight=max_in_flight)


def begun(
    held: Lanes[str], *, per_s: float, offered_per_s: float, seconds: int, taking_s: float = 0.01
) -> list[float]:
    """When attempts at webhook 7 begin; what is parked comes back when it is its turn."""
    starts: list[float] = []
    finishes: list[float] = []
    arrivals = [(number / offered_per_s, True) for number in range(int(seconds * offered_per_s))]
    heapq.heapify(arrivals)

    def start(now: float, count: int = 1) -> None:
        for _ in range(count):
            starts.append(now)
            heapq.heappush(finishes, now)

    for tick in range(int(seconds / TICK_S)):
        now = tick * TICK_S
        while finishes and finishes[0] + taking_s <= now:
            start(now, len(held.finish(7, healthy=True, started=heapq.heappop(finishes), now=now)))
        start(now, len(held.refill(now)))
        expired, starting = held.look(now) if tick % 5 == 0 else ([], [])
        start(now, len(starting))
        for _ in expired:
            heapq.heappush(arrivals, (now + (held.turn_s(7, now) or 2.0), False))
        while arrivals and arrivals[0][0] <= now:
            _, fresh = heapq.heappop(arrivals)
            match held.admit(7, "item", now, fresh=fresh, per_s=per_s):
                case Admission.START:
                    start(now)
                case Admission.PARK:
                    heapq.heappush(arrivals, (now + (held.turn_s(7, now) or 2.0), False))
                case Admission.WAIT:
                    pass
    return starts


def most_in(starts: list[float], window_s: float) -> int:
    """The most attempts that began in any time of that length."""
    window: deque[float] = deque()
    most = 0
    for each in starts:
        window.append(each)
        while window[0] <= each - window_s:
            window.popleft()
        most = max(most, len(window))
    return most


@pytest.mark.parametrize("per_s", [0.5, 1, 5, 20, 200])
@pytest.mark.parametrize("times", [0.5, 1.5, 5])
def test_a_rate_is_never_passed_and_used_in_full(per_s: float, times: float) -> None:
    seconds = 60
    starts = begun(lanes(), per_s=per_s, offered_per_s=per_s * times, seconds=seconds)
    for window_s in (0.2, 1.0, 10.0):
        assert most_in(starts, window_s) <= per_s * (window_s + BURST_S) + 1.001
    assert len(starts) >= 0.85 * seconds * per_s * min(times, 1) - 1


def test_without_a_limit_there_is_none() -> None:
    rate = Rate()
    for _ in range(1_000):
        assert rate.wait_s(0.0) == 0
        rate.take(0.0)
    assert rate.each_s == 0


def test_what_is_over_the_rate_waits_in_the_line_or_is_parked() -> None:
    held = lanes()
    admissions = Counter(held.admit(7, "item", 0.0, per_s=20) for _ in range(100))
    assert admissions[START] == 3  # what the bucket holds, and the one that empties it
    assert 18 <= admissions[WAIT] <= 21  # a second of the rate
    turns = [held.turn_s(7, 0.0) or 0 for _ in range(20)]
    assert turns[-1] - turns[0] == pytest.approx(19 / 20)


def test_one_attempt_in_ten_seconds_parks_the_others() -> None:
    held = lanes()
    assert [held.admit(7, "item", 0.0, per_s=0.1) for _ in range(3)] == [START, PARK, PARK]
    assert held.turn_s(7, 0.0) == pytest.approx(10, abs=0.2)
    assert held.turn_s(7, 0.0) == pytest.approx(20, abs=0.2)
    assert held.finish(7, healthy=True, started=0.0, now=0.1) == []
    assert held.admit(7, "item", 9.95, per_s=0.1) is START


def test_what_a_rate_holds_up_slows_nobody_else() -> None:
    held = lanes(max_in_flight=1_000)
    for webhook_id in range(500):
        for _ in range(5):
            held.admit(webhook_id, "item", 0.0, per_s=5)
    assert held.held_back == MAX_HELD_BACK
    assert held.waiting == MAX_HELD_BACK
    assert held.waiting_well == 0
    assert held.admit(9_999, "other", 0.0) is START


def test_it_goes_on_from_the_line_when_the_rate_lets_it_and_not_before() -> None:
    held = lanes()
    assert [held.admit(7, str(n), 0.0, per_s=1) for n in range(2)] == [START, WAIT]
    assert held.finish(7, healthy=True, started=0.0, now=0.1) == []
    assert held.refill(0.5) == []
    assert held.refill(0.95) == ["1"]
    assert (held.held_back, held.waiting, held.in_flight) == (0, 0, 1)


def test_no_line_is_overtaken_and_a_limit_that_is_taken_away_frees_it() -> None:
    held = lanes()
    assert [held.admit(7, str(n), 0.0, per_s=2) for n in range(3)] == [START, WAIT, WAIT]
    assert held.admit(7, "3", 0.1) is WAIT
    assert held.refill(0.1) == ["1", "2", "3"]


def test_a_line_that_is_emptied_is_held_back_no_more() -> None:
    held = lanes()
    assert [held.admit(7, str(n), 0.0, per_s=2) for n in range(2)] == [START, WAIT]
    assert held.empty_lines() == ["1"]
    assert (held.held_back, held.waiting, held.refill(5.0)) == (0, 0, [])


def test_an_endpoint_that_falls_sick_with_a_line_keeps_the_counts() -> None:
    held = lanes()
    assert [held.admit(7, str(n), 0.0, per_s=2) for n in range(3)] == [START, WAIT, WAIT]
    assert held.look(0.9)[0] == []
    assert (held.sick_in_flight, held.held_back, held.waiting) == (1, 2, 2)
    assert held.look(1.1)[0] == ["1", "2"]
    assert (held.held_back, held.waiting, held.waiting_well) == (0, 0, 0)


def test_the_rate_is_divided_among_the_processes() -> None:
    held = lanes()
    held.share_rates(4)
    starts = begun(held, per_s=20, offered_per_s=20, seconds=30)
    assert len(starts) == pytest.approx(30 * 5, rel=0.1)
    held.share_rates(0)
    assert held.admit(8, "item", 0.0, per_s=20) is START


class Broker:
    def __init__(self, *answers: int | BrokerError) -> None:
        self.answers = list(answers)
        self.shares: list[int] = []

    async def consumers(self, queue: str) -> int:
        answer = self.answers.pop(0)
        if isinstance(answer, BrokerError):
            raise answer
        return answer

    def share_rates(self, processes: int) -> None:
        self.shares.append(processes)


async def test_the_share_follows_the_number_of_consumers_and_outlives_silence() -> None:
    broker = Broker(1, 2, BrokerError("away"), 3)
    sharing = Sharing(broker, broker, "queue", Activity())
    for _ in range(4):
        await sharing.look()
    assert broker.shares == [1, 2, 3]
