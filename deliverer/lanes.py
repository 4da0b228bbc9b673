"""Lanes: how many attempts an endpoint may have under way, and who waits for one.

A lane is one webhook's. What is over its cap waits in a short line; what would wait there for long
is parked in the broker, so that a slow endpoint holds neither the process nor the frames that its
deliveries came in. State changes without awaiting; what must be done is returned.

The cap starts small, grows by one with each success and is halved by each failure: so a healthy
endpoint has its full cap after a few answers, and one that hangs is down to one attempt at a time.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

Item = TypeVar("Item")

FIRST_CAP = 4
MAX_WAIT_S = 1.0
"""How long a delivery may wait in a line: as long as it does, its frame is held."""
MAX_PARK_S = 60.0
SMOOTHING = 0.2
"""The weight of the newest latency in the moving average."""


class Admission(Enum):
    """What to do with a delivery."""

    START = "start"
    WAIT = "wait"
    PARK = "park"


@dataclass(slots=True)
class Lane(Generic[Item]):
    """One endpoint's lane. Times are seconds of a clock that never goes back."""

    webhook_id: int
    cap: int = FIRST_CAP
    latency_s: float = 0.0
    booked_until: float = 0.0
    started: deque[float] = field(default_factory=deque)
    line: deque[tuple[float, Item]] = field(default_factory=deque)

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
        """Whether nothing would be lost by forgetting the lane."""
        return not self.started and not self.line


class Lanes(Generic[Item]):
    """All lanes of a process.

    Args:
        max_cap: Attempts under way for one endpoint.
        max_in_flight: Attempts under way in the process.
        max_idle: Lanes without anything to do that are remembered for what was learned.
    """

    def __init__(self, *, max_cap: int, max_in_flight: int, max_idle: int = 10_000) -> None:
        self._max_cap = max_cap
        self._max_in_flight = max_in_flight
        self._max_idle = max_idle
        self._lanes: dict[int, Lane[Item]] = {}
        self._waiting: dict[int, Lane[Item]] = {}
        self._held_up: dict[int, Lane[Item]] = {}
        """Lanes with a line that only the limit of the process holds up, in the order of turns."""
        self.in_flight = 0
        self.waiting = 0
        """Deliveries in all lines."""

    def admit(self, webhook_id: int, item: Item, now: float) -> Admission:
        """Say what to do with a delivery: start it now, let it wait here, or park it.

        START has counted it as started; WAIT has put it into the line.
        """
        lane = self._lane(webhook_id)
        if lane.has_room and self.in_flight < self._max_in_flight and not lane.line:
            self._start(lane, now)
            return Admission.START
        if _expected_wait_s(lane, now) > MAX_WAIT_S:
            return Admission.PARK
        lane.line.append((now, item))
        self.waiting += 1
        self._waiting[webhook_id] = lane
        if lane.has_room:
            self._held_up[webhook_id] = lane
        return Admission.WAIT

    def turn_s(self, webhook_id: int, now: float) -> float | None:
        """In how many seconds it will be the turn of a delivery that is being parked.

        Each books the turn behind the line and behind those parked before it, so that they come
        back as fast as the endpoint takes them: with a pause that only doubles, a burst of 1,000
        for an endpoint that takes 53 a second was through after 262 s instead of 22 s. Bookings
        reach `MAX_PARK_S` ahead: the endpoint may be faster again by then.

        Returns:
            Seconds; None when it is not the endpoint but the process that has no room.
        """
        lane = self._lane(webhook_id)
        if lane.has_room:
            return None
        each_s = _each_s(lane, now)
        behind_the_line = now + len(lane.line) * each_s
        latest = now + MAX_PARK_S
        lane.booked_until = min(max(lane.booked_until, behind_the_line) + each_s, latest)
        return lane.booked_until - now

    def finish(
        self, webhook_id: int, *, healthy: bool | None, started: float, now: float
    ) -> list[Item]:
        """Take note that an attempt ended; gives the deliveries to start now, counted as started.

        Args:
            webhook_id: Whose attempt it was.
            healthy: Whether the endpoint answered as a healthy one does; None: nothing was sent.
            started: The time that was given when it was started.
            now: The time.
        """
        lane = self._lane(webhook_id)
        lane.started.remove(started)
        self.in_flight -= 1
        if healthy is not None:
            self._learn(lane, now - started, healthy=healthy)
        if lane.line and lane.has_room:
            self._held_up.setdefault(webhook_id, lane)
        return list(self._next(now)) if self._held_up else []

    def leave_lines(self, now: float) -> list[Item]:
        """Take out of the lines, to be parked, what has waited too long."""
        expired: list[Item] = []
        for lane in list(self._waiting.values()):
            while lane.line and now - lane.line[0][0] > MAX_WAIT_S:
                expired.append(self._first(lane))
            if not lane.line:
                self._leave(lane)
        return expired

    def empty_lines(self) -> list[Item]:
        """Take everything out of the lines, as when the process stops."""
        left = [item for lane in self._waiting.values() for _, item in lane.line]
        for lane in list(self._waiting.values()):
            lane.line.clear()
            self._leave(lane)
        self.waiting = 0
        return left

    def _lane(self, webhook_id: int) -> Lane[Item]:
        lane = self._lanes.get(webhook_id)
        if lane is None:
            if len(self._lanes) >= self._max_idle:
                self._forget()
            lane = self._lanes[webhook_id] = Lane(webhook_id, cap=min(FIRST_CAP, self._max_cap))
        return lane

    def _forget(self) -> None:
        """Drop the older half of the idle lanes; dictionaries keep the order of insertion."""
        idle = [webhook_id for webhook_id, lane in self._lanes.items() if lane.idle]
        for webhook_id in idle[: max(len(idle) // 2, 1)]:
            del self._lanes[webhook_id]

    def _start(self, lane: Lane[Item], now: float) -> None:
        lane.started.append(now)
        self.in_flight += 1

    def _learn(self, lane: Lane[Item], latency_s: float, *, healthy: bool) -> None:
        weight = SMOOTHING if lane.latency_s else 1.0
        lane.latency_s += weight * (latency_s - lane.latency_s)
        lane.cap = min(lane.cap + 1, self._max_cap) if healthy else max(lane.cap // 2, 1)

    def _next(self, now: float) -> Iterator[Item]:
        """Who goes now: one of each lane in turn, so that no lane takes every place that is free.

        A lane that its own cap holds up is not among them; its next finish puts it there.
        """
        while self._held_up and self.in_flight < self._max_in_flight:
            webhook_id, lane = next(iter(self._held_up.items()))
            del self._held_up[webhook_id]
            if not lane.has_room:
                continue
            self._start(lane, now)
            yield self._first(lane)
            if not lane.line:
                self._leave(lane)
            elif lane.has_room:
                self._held_up[webhook_id] = lane

    def _first(self, lane: Lane[Item]) -> Item:
        self.waiting -= 1
        return lane.line.popleft()[1]

    def _leave(self, lane: Lane[Item]) -> None:
        """Take a lane without a line out of those that wait."""
        self._waiting.pop(lane.webhook_id, None)
        self._held_up.pop(lane.webhook_id, None)


def _expected_wait_s(lane: Lane[Item], now: float) -> float:
    """How long the last of the line would wait."""
    return (len(lane.line) + 1) * _each_s(lane, now)


def _each_s(lane: Lane[Item], now: float) -> float:
    """The time between two attempts that end, as far as can be told.

    An attempt that is under way already longer than the average says more than the average: so an
    endpoint that hangs is found out before its first timeout.
    """
    oldest_s = now - lane.started[0] if lane.started else 0.0
    return max(lane.latency_s, oldest_s) / lane.cap
