"""A world without I/O or sleep: deliverers' decisions, a ladder and endpoints, by a clock of its own.

What decides is the real code: lanes, breaker, pace, trial, and the rules of `deliverer.policy`. What
carries is simulated: queues hand a delivery to any of the processes, rungs give it back later.
"""

import heapq
import itertools
import math
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from portcall.deliverer.endpoints.gate import MAX_WAITING
from portcall.deliverer.endpoints.lanes import Admission, Lanes
from portcall.deliverer.policy import GiveUp, Retry, decide, is_due, next_rung, parked, pause_ms
from portcall.deliverer.post.attempts import Attempt
from portcall.schemas.deliveries import Delivery
from portcall.schemas.records import Answer, Failure
from portcall.schemas.topology import BASE_RUNGS_MS
from tests.unit.deliverer.samples import NOW_MS

HOP_S = 0.05
"""What a queue, a confirm and the way take together; more than it takes."""
LOOK_S = 0.25
GOSSIP_S = 0.15
TIMEOUT_S = 15.0


class Post(NamedTuple):
    """One POST as an endpoint sees it."""

    at: float
    number: int  # how many it has had, this one included
    delivery: int  # the number of the delivery, from 0
    attempt: int  # from 1


class Reply(NamedTuple):
    """What an endpoint does; status 0: it hangs."""

    status: int = 200
    after_s: float = 0.01
    retry_after: str = ""


Endpoint = Callable[[Post], Reply]


@dataclass
class Process:
    """One deliverer: its lanes, and the frames that its gate holds back."""

    lanes: Lanes[Delivery]
    gate: deque[Delivery] = field(default_factory=deque)


class World:
    """Runs until everything has ended, or for as long as is wanted.

    Args:
        endpoints: What each does, by webhook id.
        schedule_s: The retry schedule.
        seed: Of everything that is left to chance.
        processes: How many deliverers there are.
        max_in_flight: Attempts under way in each.
    """

    def __init__(
        self,
        endpoints: dict[int, Endpoint],
        *,
        schedule_s: Sequence[float] = (10, 60, 300, 1800, 3600),
        seed: int = 0,
        processes: int = 1,
        max_in_flight: int = 512,
    ) -> None:
        self.now = 0.0
        self.endpoints = endpoints
        self.chance = Random(seed)  # noqa: S311 (a simulation)
        self.schedule_ms = tuple(int(each * 1000) for each in schedule_s)
        self.rungs_ms = tuple(sorted({*BASE_RUNGS_MS, *self.schedule_ms}))
        self.processes = [
            Process(Lanes(max_cap=16, max_in_flight=max_in_flight, on_change=self._telling(number)))
            for number in range(processes)
        ]
        self.accepted: dict[int, float] = {}
        self.posts: list[tuple[int, Post, Reply]] = []
        self.ended: dict[int, tuple[float, str]] = {}
        self.parks = 0
        self.away_until = 0.0
        self._counts: Counter[int] = Counter()
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        for process in self.processes:
            self._every(LOOK_S, process, self._look)

    # What a test does.

    def publish(self, webhook_id: int, at: float | None = None) -> None:
        """Have an event for an endpoint accepted at a time."""
        number = len(self.accepted)
        at = self.now if at is None else at
        self.accepted[number] = at
        self.at(at + HOP_S, lambda: self._arrive(Delivery(number, webhook_id)))

    def broker_away(self, at: float, for_s: float) -> None:
        """Let the broker be away: nothing comes from its queues meanwhile."""
        self.at(at, lambda: setattr(self, "away_until", at + for_s))

    def run(self, until: float = math.inf, *, until_ended: Collection[int] = ()) -> float:
        """Run until all deliveries have ended, or these, or until a time; gives when that was."""
        wanted = set(until_ended) or set(self.accepted)
        while self._heap and not wanted <= self.ended.keys():
            if self._heap[0][0] > until:
                self.now = until
                break
            self.now, _, happen = heapq.heappop(self._heap)
            happen()
        return self.now

    def at(self, when: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._numbers), happen))

    def posts_to(self, webhook_id: int) -> list[Post]:
        return [post for each, post, _ in self.posts if each == webhook_id]

    def outcomes(self) -> Counter[str]:
        return Counter(outcome for _, outcome in self.ended.values())

    # What a deliverer does; see `deliverer.deliver` and `deliverer.consequences`.

    @property
    def now_ms(self) -> int:
        return NOW_MS + int(self.now * 1000)

    def _every(self, each_s: float, process: Process, happen: Callable[[Process], None]) -> None:
        def again() -> None:
            happen(process)
            self.at(self.now + each_s, again)

        self.at(self.now + each_s * self.chance.random(), again)

    def _arrive(self, delivery: Delivery) -> None:
        if self.now < self.away_until:
            self.at(self.away_until + HOP_S, lambda: self._arrive(delivery))
            return
        process = self.chance.choice(self.processes)
        process.gate.append(delivery)
        self._let_in(process)

    def _let_in(self, process: Process) -> None:
        while process.gate and process.lanes.waiting_well < MAX_WAITING:
            self._begin(process, process.gate.popleft())

    def _begin(self, process: Process, delivery: Delivery) -> None:
        if not is_due(delivery, self.now_ms):
            self._wait(delivery)
            return
        fresh = delivery.attempt == 1 and not delivery.parks
        match process.lanes.admit(
            delivery.webhook_id,
            delivery,
            self.now,
            fresh=fresh,
            parked=delivery.parks > 0,
            attempt=delivery.attempt,
            accepted=self.now if fresh else self._accepted(delivery),
        ):
            case Admission.START:
                self._start(process, delivery)
            case Admission.PARK:
                self._park(process, delivery)
            case Admission.WAIT:
                pass

    def _accepted(self, delivery: Delivery) -> float:
        return self.accepted[delivery.event] if delivery.attempt == 1 else -math.inf

    def _start(self, process: Process, delivery: Delivery) -> None:
        webhook_id, began = delivery.webhook_id, self.now
        self._counts[webhook_id] += 1
        post = Post(self.now, self._counts[webhook_id], delivery.event, delivery.attempt)
        reply = self.endpoints[webhook_id](post)
        self.posts.append((webhook_id, post, reply))
        lasts_s = reply.after_s if reply.status else TIMEOUT_S
        self.at(self.now + lasts_s, lambda: self._end(process, delivery, reply, began))

    def _end(self, process: Process, delivery: Delivery, reply: Reply, began: float) -> None:
        attempt = _attempt(reply)
        decision = decide(
            attempt,
            delivery.attempt,
            self.schedule_ms,
            now_ms=self.now_ms,
            chance=self.chance.random(),
        )
        match decision:
            case Retry(not_before_ms=not_before_ms, due_ms=due_ms):
                if pause := pause_ms(attempt, self.now_ms):
                    process.lanes.ask_pause(delivery.webhook_id, pause / 1000, self.now)
                number = delivery.attempt + 1
                again = Delivery(delivery.event, delivery.webhook_id, number, not_before_ms, due_ms)
                self._wait(again)
            case GiveUp():
                self.ended[delivery.event] = (self.now, "given up")
            case _:
                self.ended[delivery.event] = (self.now, "delivered")
        for following in process.lanes.finish(
            delivery.webhook_id,
            healthy=attempt.shows_health,
            started=began,
            now=self.now,
            chance=self.chance.random(),
        ):
            self._start(process, following)
        self._let_in(process)

    def _park(self, process: Process, delivery: Delivery) -> None:
        self.parks += 1
        turn_s = process.lanes.turn_s(
            delivery.webhook_id,
            self.now,
            accepted=self._accepted(delivery),
            attempt=delivery.attempt,
        )
        chance = self.chance.random()
        self._wait(parked(delivery, turn_s=turn_s, now_ms=self.now_ms, chance=chance))

    def _wait(self, delivery: Delivery) -> None:
        rung_ms = next_rung(delivery, self.rungs_ms, self.now_ms)
        self.at(self.now + rung_ms / 1000 + HOP_S, lambda: self._arrive(delivery))

    def _look(self, process: Process) -> None:
        if self.now < self.away_until or process.gate:
            process.lanes.be_away(LOOK_S)
        expired, starting = process.lanes.look(self.now)
        for delivery in expired:
            self._park(process, delivery)
        for delivery in starting:
            self._start(process, delivery)
        self._let_in(process)

    def _telling(self, number: int) -> Callable[[int, float], None]:
        def tell(webhook_id: int, for_s: float) -> None:
            if 0 < for_s < 1:
                return
            until = self.now + for_s if for_s else 0.0
            self.at(self.now + GOSSIP_S, lambda: self._hear(number, webhook_id, until))

        return tell

    def _hear(self, number: int, webhook_id: int, until: float) -> None:
        if until and until <= self.now:
            return
        for each, process in enumerate(self.processes):
            if each != number:
                process.lanes.hear(webhook_id, until - self.now if until else 0.0, self.now)


def _attempt(reply: Reply) -> Attempt:
    answer = Answer(status=reply.status, reason="", headers={}) if reply.status else None
    failure = Failure.NONE if 200 <= reply.status < 300 else Failure.STATUS
    return Attempt(
        started_ms=0,
        duration_us=0,
        answer=answer,
        failure=failure if answer else Failure.TIMEOUT,
        retry_after=reply.retry_after,
    )
