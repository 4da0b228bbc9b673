"""The pulse: the present state of the installation, refreshed every second while it is watched.

Otherwise it is cheap: a query to each queue every minute in which something was recorded, or every
five minutes, and one more when somebody looks again.
The sick endpoints are known from deliverers' news since this process began.

`store.traffic` has the sums of the store; this has the state that only the broker and the
deliverers know.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.runtime.pacing import Glance
from portcall.schemas.health import decode_news
from portcall.schemas.topology import DEAD, EVENTS_IN, JOURNAL, LOG, UNROUTED, topology, wait_rung
from portcall.store.engine import Store
from portcall.store.errors import StoreUnavailableError

WATCHED_MS = 30_000
"""After a request, further ones are expected for this long."""
WATCHED_PACE_S, PACE_S, AT_LEAST_S = 1.0, 60.0, 300.0
"""How often it is refreshed: while it is watched; otherwise, if something was committed since the
last time; and in any case."""
FRESH_S = 1.0
"""How long the first look after a while waits for a new snapshot; a broker may hang."""
RATED_S = 30
COUNTED_MS = 5_000
"""After so long most attempts are part of the sums."""
KEPT_ENDS = 3_600
DELIVER_QUEUES, RETRY_QUEUES = "portcall.deliver.", "portcall.retry."


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of the ladder.

    Attributes:
        delay_ms: How long deliveries wait on it, milliseconds.
        frames: How many frames wait; a retry is usually its own frame.
    """

    delay_ms: int
    frames: int


@dataclass(frozen=True, slots=True)
class Sick:
    """An endpoint that deliverers pause: its breaker is open, or it asked for a pause.

    Attributes:
        webhook_id: Its webhook.
        until_ms: The end of the pause, milliseconds since the epoch.
    """

    webhook_id: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates over the last complete 30 seconds that are counted.

    Attributes:
        events: Events accepted a second.
        attempts: Attempts a second.
        success_rate: From 0 to 1, of the attempts that were not refused; None: there was none.
        p50_ms: Latency, milliseconds; None: there was no answer.
        p95_ms: The same.
        p99_ms: The same.
        refused: Attempts a second that the receiver refused for good.
    """

    events: float = 0.0
    attempts: float = 0.0
    success_rate: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    refused: float = 0.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the recorder is behind.

    Attributes:
        frames: Frames of the stream that are not stored yet (64 records each at most); None:
            unknown.
        seconds: The approximate wait of the oldest of them; 0 if there is none.
    """

    frames: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the installation.

    Attributes:
        at_ms: The time of the query, milliseconds since the epoch; 0: never yet.
        problem: Why the broker did not answer (its values are then old); else empty.
        events_in: Frames of events that wait for the router.
        deliver: Waiting frames of fresh deliveries, all shards together.
        retry: Waiting frames of returned deliveries, all shards together.
        rungs: Retries and parked deliveries by rung, ascending; all rungs are included.
        dead: Dead letters.
        unrouted: Unroutable messages.
        queues: The same queue by queue.
        sick: Paused endpoints, by webhook id.
        lag: The recorder's lag.
        rates: The rates a second.
    """

    at_ms: int = 0
    problem: str = ""
    events_in: int = 0
    deliver: int = 0
    retry: int = 0
    rungs: Sequence[Rung] = ()
    dead: int = 0
    unrouted: int = 0
    queues: Mapping[str, int] = field(default_factory=dict)
    sick: Sequence[Sick] = ()
    lag: Lag = Lag()
    rates: Rates = Rates()

    @property
    def waiting(self) -> int:
        """Frames on all rungs."""
        return sum(rung.frames for rung in self.rungs)


class QueueDepths(Protocol):
    """Queries queues."""

    async def each_waiting(self, queues: Collection[str]) -> dict[str, int]:
        """How many messages wait in each; raises `BrokerError`."""


class End(Protocol):
    """Queries the end of the stream of records."""

    async def offset(self) -> int | None:
        """The last message's offset; None: there is none. Raises `BrokerError`."""


class Pulse:
    """Keeps a snapshot fresh: `run` it as a supervised task, and `hear` the news of endpoints.

    Args:
        store: The sums, and the stored position of the stream.
        depths: Queries queues.
        end: Queries the end of the stream.
        shards: Number of queues that share the deliveries.
        rungs_ms: The rungs of the ladder.
        clock_ms: The time, milliseconds since the epoch.
    """

    def __init__(
        self,
        *,
        store: Store,
        depths: QueueDepths,
        end: End,
        shards: int,
        rungs_ms: Sequence[int],
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._depths = depths
        self._end = end
        self._queues = [
            each.name for each in topology(shards=shards, rungs_ms=tuple(rungs_ms)).queues
        ]
        self._rungs_ms = rungs_ms
        self._clock_ms = clock_ms
        self._snapshot = Snapshot()
        self._sick: dict[int, int] = {}
        self._trail = Trail()
        self._looked_ms = clock_ms() - WATCHED_MS - 1
        """The last request. A start is none: nobody may ever look."""
        self._wanted = asyncio.Event()
        self._taken = asyncio.Event()
        self._glance = Glance(store.stamp, AT_LEAST_S)
        self._log = get_logger()

    def snapshot(self) -> Snapshot:
        """The state; a second or two old while it is watched, else minutes. Never blocks."""
        return replace(self._snapshot, sick=self._sick_now(self._clock_ms()))

    async def look(self) -> Snapshot:
        """The state for someone who looks; the first one waits a little for a new snapshot."""
        now_ms = self._clock_ms()
        was_watched = now_ms - self._looked_ms <= WATCHED_MS
        self._looked_ms = now_ms
        if not was_watched:
            self._taken.clear()
            self._wanted.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(FRESH_S):
                    await self._taken.wait()
        return self.snapshot()

    def hear(self, news: bytes) -> None:
        """Apply deliverers' news about endpoints."""
        now_ms = self._clock_ms()
        self._sick.update(decode_news(news, now_ms))
        for each in [each for each, until_ms in self._sick.items() if until_ms <= now_ms]:
            del self._sick[each]

    async def run(self) -> None:
        """Keep it fresh; ends only by cancellation."""
        while True:
            if self._is_watched or self._glance.is_due():
                await self.take()
                self._glance.done()
            self._taken.set()
            self._wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCHED_PACE_S if self._is_watched else PACE_S):
                    await self._wanted.wait()

    @property
    def _is_watched(self) -> bool:
        return self._clock_ms() - self._looked_ms < WATCHED_MS

    async def take(self) -> None:
        """Take a snapshot; without an answer values stay, and the snapshot says why."""
        before = self._snapshot
        try:
            queues = await self._depths.each_waiting(self._queues)
            lag = self._trail.lag(
                self._clock_ms(), await self._end.offset(), await asyncio.to_thread(self._stored)
            )
            rates = await asyncio.to_thread(self._rates)
        except (BrokerError, StoreUnavailableError) as error:
            self._snapshot = replace(before, at_ms=self._clock_ms(), problem=str(error))
            self._log.debug("pulse.missed", reason=str(error))
            return
        self._snapshot = self._told(queues, lag, rates)

    def _told(self, queues: Mapping[str, int], lag: Lag, rates: Rates) -> Snapshot:
        return Snapshot(
            at_ms=self._clock_ms(),
            events_in=queues[EVENTS_IN],
            deliver=_sum(queues, DELIVER_QUEUES),
            retry=_sum(queues, RETRY_QUEUES),
            rungs=[Rung(each, queues[wait_rung(each)]) for each in self._rungs_ms],
            dead=queues[DEAD],
            unrouted=queues[UNROUTED],
            queues={name: count for name, count in queues.items() if name not in (LOG, JOURNAL)},
            lag=lag,
            rates=rates,
        )

    def _sick_now(self, now_ms: int) -> list[Sick]:
        return [Sick(*each) for each in sorted(self._sick.items()) if each[1] > now_ms]

    def _stored(self) -> int | None:
        position = self._store.eventlog.position(LOG)
        return None if position is None else position.offset

    def _rates(self) -> Rates:
        """The rates of the last complete seconds that should be counted by now."""
        until_ms = (self._clock_ms() - COUNTED_MS) // 10_000 * 10_000 - 1
        since_ms = until_ms + 1 - RATED_S * 1000
        total = self._store.traffic.series(since_ms=since_ms, until_ms=until_ms, step_s=10).total
        return Rates(
            events=total.events / RATED_S,
            attempts=total.attempts / RATED_S,
            refused=total.refused / RATED_S,
            success_rate=total.success_rate,
            p50_ms=total.latency.p50_ms,
            p95_ms=total.latency.p95_ms,
            p99_ms=total.latency.p99_ms,
        )


class Trail:
    """Earlier ends of the stream with their times: how long unstored messages have waited."""

    def __init__(self) -> None:
        self._ends: deque[tuple[int, int]] = deque(maxlen=KEPT_ENDS)

    def lag(self, now_ms: int, end: int | None, stored: int | None) -> Lag:
        """How far the recorder is behind.

        Args:
            now_ms: The time.
            end: The approximate offset of the stream's last message; None: it has none.
            stored: The offset of the last stored message; None: none is.
        """
        if end is None:
            return Lag(0)
        reached = -1 if stored is None else stored
        self._ends.append((now_ms, end))
        while self._ends and self._ends[0][1] <= reached:
            self._ends.popleft()
        waiting_s = (now_ms - self._ends[0][0]) / 1000 if self._ends else 0.0
        return Lag(max(end - reached, 0), waiting_s)


def _sum(queues: Mapping[str, int], prefix: str) -> int:
    return sum(count for name, count in queues.items() if name.startswith(prefix))
