"""The pulse: how the installation is right now, asked every second while somebody looks.

What the store adds up is `store.traffic`; this is what only the broker and the deliverers know.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WATCHED_S = 30.0
"""How long after a look the next one is expected soon."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of the ladder.

    Attributes:
        delay_ms: How long deliveries wait on it, milliseconds.
        frames: How many frames wait; a retry is mostly a frame of its own.
    """

    delay_ms: int
    frames: int


@dataclass(frozen=True, slots=True)
class Sick:
    """An endpoint that deliverers leave alone for a while: its breaker is open, or it asked so.

    Attributes:
        webhook_id: Whose.
        until_ms: Until when, milliseconds since the epoch.
    """

    webhook_id: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Rates:
    """What happens a second, over the last complete 30 seconds that are counted.

    Attributes:
        events: Events accepted a second.
        attempts: Attempts a second.
        success_rate: From 0 to 1; None: there was no attempt.
        p50_ms: Latency, milliseconds; None: nothing was answered.
        p95_ms: The same.
        p99_ms: The same.
    """

    events: float = 0.0
    attempts: float = 0.0
    success_rate: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the recorder is behind.

    Attributes:
        frames: Frames of the stream that are not stored yet (64 records each at most); None: not
            known.
        seconds: For how long the oldest of them has been waiting, about; 0 where there is none.
    """

    frames: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How the installation is.

    Attributes:
        at_ms: When it was asked, milliseconds since the epoch; 0: never yet.
        problem: Why the broker could not be asked (what it knows is then as it was); else empty.
        events_in: Frames of events that wait to be routed.
        deliver: Frames of fresh deliveries that wait, all shards together.
        retry: Frames of deliveries that came back and wait, all shards together.
        rungs: Retries and parked deliveries by rung, ascending; every rung is there.
        dead: Dead letters.
        unrouted: Messages that nothing took.
        queues: All of it queue by queue.
        sick: Endpoints that are left alone, by webhook id.
        lag: Of the recorder.
        rates: What happens a second.
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


class Pulse:
    """Keeps a snapshot fresh: `run` it as a supervised task."""

    def __init__(self) -> None:
        self._snapshot = Snapshot()
        self._looked_s = time.monotonic()

    def snapshot(self) -> Snapshot:
        """How it is; a second old at most while somebody looks, 15 s otherwise. Never blocks."""
        self._looked_s = time.monotonic()
        return self._snapshot

    async def run(self) -> None:
        """Keep it fresh; ends only by cancellation."""
