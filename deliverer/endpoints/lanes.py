"""Lanes: the limit of attempts under way of each endpoint, and the deliveries that wait.

A lane belongs to one webhook. Deliveries above its cap wait in a short line. Those that would wait
long are parked in the broker, so a slow endpoint blocks neither the process nor the frames of its
deliveries. State changes without awaiting; methods return the deliveries to start or to park.

No endpoint takes the capacity of others: sick endpoints share a fifth of the process. An attempt
that hangs counts as sick as soon as it is detected, and then uses no capacity of others: a waiting
socket costs next to nothing. The docstring of `deliverer.endpoints` describes all rules together.
"""

import math
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Generic, TypeVar

from portcall.deliverer.endpoints.lane import FIRST_CAP, Lane

Item = TypeVar("Item")

MAX_WAIT_S = 1.0
"""How long a delivery may wait in a line: its frame is held for as long."""
MAX_PAUSE_S = 300.0
"""The longest pause of an endpoint; then one delivery is tried again."""
SICK_SHARE = 5
"""New attempts at sick endpoints start only while those are at most a fifth of the process."""
MAX_HELD_BACK = 100
"""Deliveries in lines that only wait for their webhooks' rates. Each holds a frame of the few
hundred that a queue delivers at once, so more would slow the whole queue."""
HANGING = 8
"""Times the limit of the process: the limit when attempts that hang are included."""


_HELD_BACK = 2
"""An index beside False and True, which are the well and the sick."""


class Admission(Enum):
    """What to do with a delivery."""

    START = "start"
    WAIT = "wait"
    PARK = "park"


class Lanes(Generic[Item]):
    """All lanes of a process.

    Args:
        max_cap: Attempts under way for one endpoint.
        max_in_flight: Attempts under way in the process, without those that hang.
        max_idle: Lanes without deliveries that are kept for their measurements.
        on_change: Called with an endpoint and the seconds to pause it; 0: the pause is over.
    """

    def __init__(
        self,
        *,
        max_cap: int,
        max_in_flight: int,
        max_idle: int = 10_000,
        on_change: Callable[[int, float], None] = lambda _webhook_id, _for_s: None,
    ) -> None:
        self.on_held_back: Callable[[], None] = lambda: None
        """Called when a line begins to wait for its webhook's rate: `refill` is then needed."""
        self._on_change = on_change
        self._max_cap = max_cap
        self._max_in_flight = max_in_flight
        self._max_idle = max_idle
        self._lanes: dict[int, Lane[Item]] = {}
        self._busy: dict[int, Lane[Item]] = {}
        """Lanes with an attempt under way."""
        self._waiting: dict[int, Lane[Item]] = {}
        self._held_up: tuple[dict[int, Lane[Item]], ...] = ({}, {})
        """Lanes with a line that only the limit of the process delays, in the order of turns."""
        self._held_back: dict[int, Lane[Item]] = {}
        """Lanes with a line that only their own rate delays."""
        self._sharers = 1
        self._away_s = 0.0
        self._open: set[int] = set()
        # For the well, for the sick, and for those in lines that only a rate delays.
        self._in_flight = [0, 0]
        self._in_lines = [0, 0, 0]

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return sum(self._in_flight)

    @property
    def waiting(self) -> int:
        """Deliveries in all lines."""
        return sum(self._in_lines)

    @property
    def waiting_well(self) -> int:
        """Deliveries in the lines of endpoints that are not sick: these will soon be attempted.

        Without those in lines that a rate delays.
        """
        return self._in_lines[False]

    @property
    def held_back(self) -> int:
        """Deliveries in lines that only their webhooks' rates delay."""
        return self._in_lines[_HELD_BACK]

    @property
    def sick_in_flight(self) -> int:
        """Attempts under way at sick endpoints."""
        return self._in_flight[True]

    @property
    def open_breakers(self) -> int:
        """Endpoints whose breaker is open."""
        return len(self._open)

    def share_rates(self, processes: int) -> None:
        """Divide every rate by the number of processes."""
        self._sharers = max(processes, 1)

    def admit(
        self,
        webhook_id: int,
        item: Item,
        now: float,
        *,
        fresh: bool = True,
        parked: bool | None = None,
        attempt: int = 1,
        accepted: float = -math.inf,
        per_s: float = 0.0,
        asked_for: bool = False,
    ) -> Admission:
        """Decide about a delivery: start it now, let it wait here, or park it.

        START has counted it as started; WAIT has put it into the line.

        Args:
            webhook_id: Its webhook.
            item: The delivery.
            now: The time.
            fresh: Whether it was neither attempted nor parked before.
            parked: Whether it was parked since its last attempt; None: if it is not fresh.
            attempt: The number of its next attempt.
            accepted: When its event was accepted, if it was not attempted before.
            per_s: The webhook's rate limit, attempts a second; 0: none.
            asked_for: Whether a person asked for this attempt now: then no pause, breaker or pace
                stops it.
        """
        lane = self._lane(webhook_id)
        lane.rate.per_s = per_s / self._sharers
        had_to_wait = not fresh if parked is None else parked
        if not asked_for:
            if not lane.takes(attempt, now):
                return Admission.PARK
            if had_to_wait and not lane.pace.lets_go(
                now, accepted, strained=lane.breaker.is_strained
            ):
                return Admission.PARK
        if fresh:
            lane.pace.count(now)
        too_fast = lane.rate.wait_s(now) > 0
        if lane.has_room and not too_fast and not lane.line and self._has_room(sick=lane.sick):
            self._start(lane, now)
            return Admission.START
        if lane.wait_s(now) > MAX_WAIT_S or (lane.has_room and lane.sick):
            return Admission.PARK
        if too_fast and self.held_back >= MAX_HELD_BACK:
            return Admission.PARK
        lane.line.append((now, item))
        self._count(lane, 1)
        self._waiting[webhook_id] = lane
        if too_fast:
            self._hold_back(lane, held_back=True)
        elif lane.has_room and not lane.held_back:
            self._held_up[lane.sick][webhook_id] = lane
        return Admission.WAIT

    def turn_s(
        self, webhook_id: int, now: float, *, accepted: float = -math.inf, attempt: int = 1
    ) -> float | None:
        """The seconds until the turn of a delivery that is being parked.

        Args:
            webhook_id: Its webhook.
            now: The time.
            attempt: The number of its next attempt.
            accepted: When its event was accepted, if it was not attempted before.

        Returns:
            Seconds; None if the process has no room, not the endpoint.
        """
        lane = self._lane(webhook_id)
        barred = lane.is_barred(now) or not lane.breaker.is_closed
        held_back = lane.pace.is_set(now) or lane.rate.wait_s(now) > 0
        if lane.has_room and not barred and not held_back:
            return None
        return lane.book(now, accepted, attempt)

    def ask_pause(self, webhook_id: int, pause_s: float, now: float) -> None:
        """Start nothing for a while, and announce that: the endpoint asked for it."""
        self.pause(webhook_id, pause_s, now)
        self._on_change(webhook_id, min(pause_s, MAX_PAUSE_S))

    def pause(self, webhook_id: int, pause_s: float, now: float) -> None:
        """Start nothing for a while.

        Args:
            webhook_id: The webhook.
            pause_s: For how long; 0: a pause is over.
            now: The time.
        """
        lane = self._lane(webhook_id)
        until = now + min(pause_s, MAX_PAUSE_S)
        lane.paused_until = max(lane.paused_until, until) if pause_s > 0 else 0.0
        if pause_s <= 0:
            self._hold_up(lane)

    def hear(self, webhook_id: int, pause_s: float, now: float) -> None:
        """Apply another process's news about an endpoint.

        Args:
            webhook_id: The webhook.
            pause_s: The length of the pause; 0: it is over, because the endpoint has succeeded
                there.
            now: The time.
        """
        self.pause(webhook_id, pause_s, now)
        lane = self._lane(webhook_id)
        lane.told = pause_s > 0
        if pause_s <= 0 and not lane.breaker.is_closed:
            # A failing trial here would pause the process in which deliveries succeed.
            lane.recover(now)
            self._open.discard(webhook_id)
            self._judge(lane, now)
            self._hold_up(lane)

    def be_away(self, for_s: float) -> None:
        """Note that attempts were impossible for so long: that counts against no endpoint."""
        self._away_s += for_s

    def skip(self, passed_s: float) -> None:
        """Shift the times by a stall of this process, which the clock leaves out."""
        for lane in self._lanes.values():
            lane.skip(passed_s)

    def finish(
        self,
        webhook_id: int,
        *,
        healthy: bool | None,
        started: float,
        now: float,
        chance: float = 0.5,
    ) -> list[Item]:
        """Note that an attempt ended; returns the deliveries to start now, counted as started.

        Args:
            webhook_id: Its webhook.
            healthy: Whether the endpoint answered as a healthy one does; None: nothing was sent.
            started: The time that was given when it was started.
            now: The time.
            chance: From 0 to 1, for the spread of the breaker.
        """
        lane = self._lane(webhook_id)
        lane.started.remove(started)
        self._in_flight[lane.sick] -= 1
        if healthy:
            closed = lane.learn(started, now, self._max_cap)
            if closed:
                self._open.discard(webhook_id)
            if (closed or lane.told) and now >= lane.paused_until:
                lane.told = False
                self._on_change(webhook_id, 0.0)
        elif healthy is not None and lane.suffer(started, now, chance, self._away_s):
            self._open.add(webhook_id)
            self._on_change(webhook_id, lane.breaker.until - now)
        self._judge(lane, now)
        if not lane.started:
            del self._busy[webhook_id]
        if lane.line:
            self._hold_up(lane)
        return list(self._next(now)) if any(self._held_up) else []

    def refill(self, now: float) -> list[Item]:
        """Check the rates; returns the deliveries to start, counted as started."""
        for lane in list(self._held_back.values()):
            if lane.rate.wait_s(now) > 0:
                continue
            self._hold_back(lane, held_back=False)
            if lane.has_room:  # otherwise its next finish does it
                self._held_up[lane.sick][lane.webhook_id] = lane
        return list(self._next(now))

    def look(self, now: float) -> tuple[list[Item], list[Item]]:
        """Check for endpoints that hang and deliveries that waited too long; call it regularly.

        Returns:
            The deliveries to park, which left the lines; and those to start now, counted as
            started.
        """
        for lane in self._busy.values():
            self._judge(lane, now)
        expired: list[Item] = []
        for lane in list(self._waiting.values()):
            barred = lane.is_barred(now)
            while lane.line and (barred or now - lane.line[0][0] > MAX_WAIT_S):
                expired.append(self._first(lane))
            if not lane.line:
                self._leave(lane)
            self._hold_up(lane)  # a short pause may have ended meanwhile
        return expired, list(self._next(now))

    def empty_lines(self) -> list[Item]:
        """Take all deliveries out of the lines, as when the process stops."""
        left: list[Item] = []
        for lane in list(self._waiting.values()):
            while lane.line:
                left.append(self._first(lane))
            self._leave(lane)
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
            self._open.discard(webhook_id)

    def _has_room(self, *, sick: bool) -> bool:
        """Whether the process has room for another attempt at such an endpoint."""
        well, ill = self._in_flight
        if well >= self._max_in_flight or well + ill >= HANGING * self._max_in_flight:
            return False
        # At least one, or the recovery of an endpoint would not be noticed.
        return not sick or ill < max(self._max_in_flight // SICK_SHARE, 1)

    def _start(self, lane: Lane[Item], now: float) -> None:
        if not lane.started:
            self._busy[lane.webhook_id] = lane
        lane.start(now)
        self._in_flight[lane.sick] += 1

    def _judge(self, lane: Lane[Item], now: float) -> None:
        """Move a lane and all its counts to the group where it belongs now."""
        sick, before = lane.is_sick(now), lane.sick
        if sick is before:
            return
        lane.sick = sick
        self._in_flight[before] -= len(lane.started)
        self._in_flight[sick] += len(lane.started)
        if not lane.held_back:
            self._in_lines[before] -= len(lane.line)
            self._in_lines[sick] += len(lane.line)
        if self._held_up[before].pop(lane.webhook_id, None):
            self._held_up[sick][lane.webhook_id] = lane

    def _next(self, now: float) -> Iterator[Item]:
        """The deliveries to start now: one of each lane in turn, so that none takes all capacity.

        A lane at its own cap is left out; its next finish adds it. Deliveries in the line of a
        barred lane are parked at the next look, unless the pause ends before.
        """
        for sick, held_up in zip((False, True), self._held_up, strict=True):
            while held_up and self._has_room(sick=sick):
                webhook_id, lane = next(iter(held_up.items()))
                del held_up[webhook_id]
                if not lane.has_room or lane.is_barred(now):
                    continue
                if lane.rate.wait_s(now) > 0:
                    self._hold_back(lane, held_back=True)
                    continue
                self._start(lane, now)
                yield self._first(lane)
                if not lane.line:
                    self._leave(lane)
                elif lane.has_room:
                    held_up[webhook_id] = lane

    def _hold_up(self, lane: Lane[Item]) -> None:
        """Give a lane with a line its turn, if only the limit of the process delays it now."""
        if lane.line and lane.has_room and not lane.held_back:
            self._held_up[lane.sick].setdefault(lane.webhook_id, lane)

    def _first(self, lane: Lane[Item]) -> Item:
        self._count(lane, -1)
        return lane.line.popleft()[1]

    def _count(self, lane: Lane[Item], more: int) -> None:
        """Count deliveries that entered or left a lane's line."""
        self._in_lines[_HELD_BACK if lane.held_back else lane.sick] += more

    def _hold_back(self, lane: Lane[Item], *, held_back: bool) -> None:
        """Note whether only its rate delays a lane's line."""
        self._count(lane, -len(lane.line))
        lane.held_back = held_back
        self._count(lane, len(lane.line))
        if held_back:
            self._held_back[lane.webhook_id] = lane
            self.on_held_back()
        else:
            self._held_back.pop(lane.webhook_id, None)

    def _leave(self, lane: Lane[Item]) -> None:
        """Remove a lane without a line from the waiting ones."""
        self._waiting.pop(lane.webhook_id, None)
        self._held_up[lane.sick].pop(lane.webhook_id, None)
        if lane.held_back:
            self._hold_back(lane, held_back=False)
