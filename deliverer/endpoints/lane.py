"""One endpoint's lane: its limit of attempts, its line, and what it has measured."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from portcall.deliverer.endpoints.breaker import Breaker
from portcall.deliverer.endpoints.rate import Rate
from portcall.deliverer.endpoints.trial import Trial

Item = TypeVar("Item")

FIRST_CAP = 4
SMOOTHING = 0.2
"""The weight of the newest latency in the moving average."""
SLOW_S = 2.0
"""An endpoint whose answers take longer on average is slow."""
UNUSUAL = 20
"""An attempt that takes so many times the average shows a current problem."""
LEAST_UNUSUAL_S = 0.5
SICK_FAILURES = 2
MAX_PARK_S = 60.0
CATCH_UP_S = 0.25
"""How much of an unused turn may be made up for."""
PART = 0.95
"""Of twice the usual rate: an endpoint's rate while it catches up, fresh deliveries included."""
MAX_DEBT_S = 5.0
"""The longest time that a burst of fresh deliveries may delay parked ones."""
RATE_S = 60.0
"""The approximate period over which the rate of fresh deliveries is averaged."""
LONGEST_GAP_S = 2.0
"""A longer gap between fresh deliveries is not counted in full: it may be an outage."""
MIN_PACE = 0.5
"""The pace if no faster one is known."""
MAX_PACE = 1_000.0
"""A growing pace of this and more delays nothing."""
GROWTH_S = 60.0
"""How long a growing pace takes to double."""
STRAINED_S = 5.0
"""The pace while the endpoint's row of failures is as long as the longest recent one. Each delivery
that is attempted is retried by its own schedule until one succeeds: without this limit, an endpoint
that accepts each delivery at its tenth attempt would open its breaker with failures of first
attempts."""
RECOVERED_S = 1.5 * MAX_PARK_S
"""No delivery had to wait for the pace for so long: all parked ones are through."""


@dataclass(slots=True)
class Pace:
    """How fast parked deliveries return after an outage of the endpoint.

    The endpoint gets almost twice its earlier rate of fresh deliveries, so that after ten minutes'
    outage it does not get ten minutes' deliveries at once. Fresh deliveries are never delayed and
    use their part of that rate; parked ones get the rest. If there is no earlier rate, the pace
    begins slowly and doubles, independent of fresh deliveries; after a further outage it continues
    where it was. Retries of deliveries that were attempted since are not delayed. Deliveries
    accepted after the endpoint's last failure go before older ones: they only had to wait until the
    recovery was noticed.
    Times are seconds of a monotonic clock, rates are per second.
    """

    total: float = 0.0
    span: float = 0.0
    counted_at: float = 0.0
    rate: float = 0.0
    known: bool = False
    reached: float = 0.0
    began: float = 0.0
    since: float = 0.0
    next_at: float = 0.0
    young_until: float = 0.0
    held_at: float = 0.0

    @property
    def usual(self) -> float:
        """The recent rate of fresh deliveries; gaps between them do not count in full."""
        return self.total / max(self.span, 1.0)

    def count(self, now: float) -> None:
        """Note a fresh delivery."""
        if self.counted_at:
            passed_s = min(now - self.counted_at, LONGEST_GAP_S)
            kept = math.exp(-passed_s / RATE_S)
            self.total = self.total * kept + 1
            self.span = self.span * kept + passed_s
        self.counted_at = now
        if self.known and self.is_set(now):
            self._take(now)

    def begin(self, now: float, failed_at: float) -> None:
        """The endpoint is well again; its last failure was at *failed_at*."""
        usual = PART * self.usual
        self.known = usual > max(MIN_PACE, self.reached)
        self.rate = usual if self.known else max(MIN_PACE, self.reached)
        self.since = failed_at
        self.began = self.next_at = self.young_until = self.held_at = now

    def stop(self, failing_since: float) -> None:
        """The endpoint fails again: remember a growing pace."""
        followed = not self.known and self.is_set(failing_since)
        self.reached = 1 / self._turn_s(max(failing_since, self.began)) if followed else 0.0

    def skip(self, passed_s: float) -> None:
        """Shift the times by a stall that the clock leaves out."""
        self.counted_at -= passed_s
        self.since -= passed_s
        self.next_at -= passed_s
        self.young_until -= passed_s

    def lets_go(self, now: float, accepted: float, *, strained: bool = False) -> bool:
        """Whether a parked delivery may go now; if so, it is counted.

        Args:
            now: The time.
            accepted: When its event was accepted.
            strained: Whether the row of failures is as long as the longest recent one.
        """
        if not self.is_set(now):
            return True
        if now < self.next_at or (now < self.young_until and not self.is_young(accepted)):
            self.held_at = now
            return False
        self._take(now)
        if strained:
            self.next_at = max(self.next_at, now + STRAINED_S)
        return True

    def is_young(self, accepted: float) -> bool:
        """Whether a delivery was accepted after the endpoint's last failure."""
        return accepted >= self.since

    def is_set(self, now: float) -> bool:
        """Whether there is a pace: from the end of an outage until no delivery waits for it."""
        return self.rate > 0 and now - self.held_at <= RECOVERED_S

    def each_s(self, now: float) -> float:
        """The estimated time between two parked deliveries; 0: no pace is set."""
        if not self.is_set(now):
            return 0.0
        if not self.known:
            return self._turn_s(now)
        fresh_ones_come = now - max(self.counted_at, self.began) < LONGEST_GAP_S
        return 2 * self._turn_s(now) if fresh_ones_come else self._turn_s(now)

    def _turn_s(self, now: float) -> float:
        """The length of one turn.

        It follows the usual rate upwards: otherwise fresh deliveries that arrive faster than before
        would use every turn.
        """
        if self.known:
            return 1 / (2 * max(self.rate, PART * self.usual))
        return 1 / min(self.rate * 2 ** min((now - self.began) / GROWTH_S, 20), MAX_PACE)

    def _take(self, now: float) -> None:
        earliest = max(self.next_at, now - CATCH_UP_S)
        self.next_at = min(earliest + self._turn_s(now), now + MAX_DEBT_S)


@dataclass(slots=True, eq=False)
class Lane(Generic[Item]):
    """One endpoint's lane. Times are seconds of a monotonic clock.

    Attributes:
        webhook_id: Its webhook.
        cap: The limit of attempts under way; grows by one with each healthy answer, and is halved
            by
            each failure.
        latency_s: A moving average; 0: unknown.
        booked_until: The turn of the last parked delivery.
        paused_until: The end of a pause that the endpoint asked for.
        told: Whether the pause is another process's news, and no attempt has succeeded here since.
        sick: Whether it counts among the sick, which share a part of the process.
        breaker: Its breaker.
        trial: Chooses the delivery to try when the breaker's time is over.
        pace: How fast parked deliveries return after an outage.
        rate: The owner's limit of attempts a second.
        held_back: Whether only its rate delays its line.
        started: The begin of each attempt under way.
        line: The waiting deliveries, with the begin of their wait.
        failed_at: When an attempt last failed.
    """

    webhook_id: int
    cap: int = FIRST_CAP
    latency_s: float = 0.0
    booked_until: float = 0.0
    paused_until: float = 0.0
    told: bool = False
    sick: bool = False
    breaker: Breaker = field(default_factory=Breaker)
    trial: Trial = field(default_factory=Trial)
    pace: Pace = field(default_factory=Pace)
    rate: Rate = field(default_factory=Rate)
    held_back: bool = False
    started: deque[float] = field(default_factory=deque)
    line: deque[tuple[float, Item]] = field(default_factory=deque)
    failed_at: float = 0.0

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return len(self.started)

    @property
    def has_room(self) -> bool:
        """Whether its own cap would let another attempt start."""
        return len(self.started) < self.cap

    @property
    def idle(self) -> bool:
        """Whether the lane can be dropped without losing deliveries."""
        return not self.started and not self.line

    def is_barred(self, now: float) -> bool:
        """Whether nothing may start: a pause, an open breaker, or a trial under way."""
        if now < self.paused_until:
            return True
        return not self.breaker.is_closed and (now < self.breaker.until or bool(self.started))

    def takes(self, attempt: int, now: float) -> bool:
        """Whether a delivery with this attempt may start, or wait for its turn."""
        if self.is_barred(now):
            return False
        breaker = self.breaker
        if breaker.is_closed:
            return True
        # The pause is usually another process's, whose trial has failed meanwhile.
        barred_until = max(breaker.until, self.paused_until)
        return self.trial.takes(attempt, breaker.open_s, now - barred_until)

    def start(self, now: float) -> None:
        """Note that an attempt begins."""
        self.started.append(now)
        self.rate.take(now)
        if not self.breaker.is_closed:
            self.trial.begin()

    def learn(self, began: float, now: float, max_cap: int) -> bool:
        """Note a healthy answer; returns whether the breaker has closed."""
        latency_s = now - began
        closed = self.recover(now)
        if closed or not self.latency_s:
            self.latency_s = latency_s
        else:
            self.latency_s += SMOOTHING * (latency_s - self.latency_s)
        self.cap = min(self.cap + 1, max_cap)
        return closed

    def recover(self, now: float) -> bool:
        """Note that the endpoint has succeeded, here or in another process.

        Returns:
            Whether the breaker has closed.
        """
        closed = self.breaker.succeed(now)
        if closed:
            self.pace.begin(now, self.failed_at)
            self.trial.restart()
            self.booked_until = min(self.booked_until, now)
        return closed

    def suffer(self, began: float, now: float, chance: float, away_s: float = 0.0) -> bool:
        """Note a failure; returns whether the breaker has opened."""
        latency_s = now - began
        self.failed_at = now
        weight = SMOOTHING if self.latency_s else 1.0
        self.latency_s += weight * (latency_s - self.latency_s)
        self.cap = max(self.cap // 2, 1)
        was_closed = self.breaker.is_closed
        held = bool(self.rate.per_s) or self.paused_until > self.breaker.ended
        opened = self.breaker.fail(began, now, chance, away_s=away_s, held=held)
        if opened:
            self.cap = 1
            if was_closed:
                self.pace.stop(self.breaker.since)
        return opened

    def skip(self, passed_s: float) -> None:
        """Shift the times by a stall of this process, which the clock leaves out.

        Attempts under way and waiting deliveries do not age during a stall; but times set for an
        end do not move.
        """
        self.booked_until -= passed_s
        self.paused_until -= passed_s
        self.failed_at -= passed_s
        self.breaker.skip(passed_s)
        self.pace.skip(passed_s)

    def is_sick(self, now: float) -> bool:
        """Whether the endpoint fails, is slow, or hangs.

        An endpoint that used to answer at once and has an attempt under way for long is detected
        before its first timeout.
        """
        if self.breaker.failures >= SICK_FAILURES or self.latency_s > SLOW_S:
            return True
        return bool(self.started) and now - self.started[0] > self._unusual_s()

    def each_s(self, now: float) -> float:
        """The estimated time between the ends of two attempts.

        An attempt that is under way for longer than the average counts instead of the average: so
        an endpoint that hangs is detected before its first timeout.
        """
        oldest_s = now - self.started[0] if self.started else 0.0
        return max(self.latency_s, oldest_s) / self.cap

    def wait_s(self, now: float) -> float:
        """How long the next delivery in the line would wait."""
        own_s = (len(self.line) + 1) * self.each_s(now)
        return max(own_s, self.rate.wait_s(now, len(self.line))) if self.rate.per_s else own_s

    def book(self, now: float, accepted: float, attempt: int = 1) -> float:
        """Book a turn for a delivery that is being parked; returns the seconds until then.

        Each books the turn after the line and after those parked before it, so they return as fast
        as the endpoint accepts them: with a pause that only doubles, a burst of 1,000 for an
        endpoint that takes 53 a second was through after 262 s instead of 22 s. Bookings reach
        `MAX_PARK_S` ahead: the endpoint may be faster again by then.
        """
        pace = self.pace
        each_s = max(self.each_s(now), pace.each_s(now), self.rate.each_s)
        begin = max(now, self.paused_until, self.breaker.until)
        if not self.breaker.is_closed and self.trial.note(attempt):
            return begin - now
        behind_the_line = begin + len(self.line) * each_s
        latest = begin + MAX_PARK_S
        if pace.is_set(now) and pace.is_young(accepted):
            pace.young_until = min(max(pace.young_until, behind_the_line) + each_s, latest)
            return pace.young_until - now
        ahead = max(self.booked_until, pace.young_until, behind_the_line)
        self.booked_until = min(ahead + each_s, latest)
        return self.booked_until - now

    def _unusual_s(self) -> float:
        return min(SLOW_S, max(LEAST_UNUSUAL_S, UNUSUAL * self.latency_s))
