"""The engine: sends every request at its time, whatever happened to earlier ones.

It never waits for a response before it sends, and never skips a request silently: a request is
sent, late if necessary, or reported as not sent with the reason. The lateness is measured too,
because a generator that lags gives wrong results about the consumer.
"""

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Protocol

from portcall.loadtest.plan import NotSent, Observer, Outcome, Planned, RequestSource
from portcall.loadtest.send.wake import Wake

MAX_AT_ONCE = 64
"""How many requests are sent in one go of the loop; then responses are processed."""
TOO_MANY = "too many requests were under way"


class Sends(Protocol):
    """Sends requests to the consumer."""

    began_at: float

    def post(self, planned: Planned, done: Callable[[Outcome], None]) -> None:
        """Send *planned* now, and report the result to *done*, whatever it is."""

    async def abandon(self) -> None:
        """Drop the requests in flight: each is reported as unanswered."""


class Engine:
    """Sends the requests of a source.

    Args:
        source: The requests.
        poster: Sends it.
        observers: They get the results.
        max_in_flight: Requests in flight at most; those due beyond the limit are not sent.
    """

    def __init__(
        self,
        source: RequestSource,
        poster: Sends,
        observers: Sequence[Observer],
        *,
        max_in_flight: int,
    ) -> None:
        self._source = source
        self._poster = poster
        self._observers = observers
        self._max_in_flight = max_in_flight
        self._regular: Iterator[Planned] = iter(())
        self._next: Planned | None = None
        self._later: list[tuple[float, int, Planned]] = []
        self._numbers = count()
        self._in_flight = 0
        self._stopped = False
        self._began_at = 0.0
        self._over = asyncio.Event()
        self._wake: Wake | None = None
        self._broken: Exception | None = None

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since the start of the run."""
        return time.perf_counter() - self._began_at if self._began_at else 0.0

    @property
    def in_flight(self) -> int:
        """Return how many requests are in flight."""
        return self._in_flight

    async def run(self, *, grace_s: float, began: Callable[[float], None] | None = None) -> None:
        """Send everything; return after the last response.

        Args:
            grace_s: How long responses are awaited after a stop.
            began: Called with the time of the start, by `time.perf_counter`.
        """
        self._wake = Wake(self._send_due)
        try:
            self._began_at = self._poster.began_at = time.perf_counter()
            if began is not None:
                began(self._began_at)
            self._regular = iter(self._source)
            self._next = next(self._regular, None)
            self._set_wake()
            await self._over.wait()
            if self._in_flight:
                self._over.clear()
                await self._finish(grace_s)
        finally:
            self._wake.close()
        if self._broken is not None:
            raise self._broken

    def stop(self) -> None:
        """Send nothing more; responses are still awaited, so calling it again changes nothing."""
        if not self._stopped:
            self._stopped = True
            self._over.set()

    async def _finish(self, grace_s: float) -> None:
        """After a stop: wait for the requests in flight, and drop those that take too long."""
        try:
            async with asyncio.timeout(grace_s):
                await self._over.wait()
        except TimeoutError:
            await self._poster.abandon()
            async with asyncio.timeout(grace_s):
                await self._over.wait()

    def _send_due(self) -> None:
        try:
            self._send_some()
        except Exception as error:  # noqa: BLE001 (a source's error ends the run, not the loop)
            self._broken = error
            self.stop()

    def _send_some(self) -> None:
        for _ in range(MAX_AT_ONCE):
            due_s = self._due_s()
            if self._stopped or due_s is None or due_s > self.elapsed_s:
                break
            self._send(self._take())
        self._set_wake()

    def _due_s(self) -> float | None:
        """Return when the next request is due; None: there is none."""
        later = self._later[0][0] if self._later else None
        if self._next is None:
            return later
        return self._next.at_s if later is None else min(later, self._next.at_s)

    def _take(self) -> Planned:
        regular = self._next
        if regular is None or (self._later and self._later[0][0] < regular.at_s):
            return heapq.heappop(self._later)[2]
        self._next = next(self._regular, None)
        return regular

    def _send(self, planned: Planned) -> None:
        if self._in_flight >= self._max_in_flight:
            left_out = NotSent(planned, TOO_MANY)
            for observer in self._observers:
                observer.left_out(left_out)
            return
        for observer in self._observers:
            observer.sent(planned)
        self._poster.post(planned, self._done)
        self._in_flight += 1

    def _done(self, outcome: Outcome) -> None:
        self._in_flight -= 1
        try:
            for observer in self._observers:
                observer.done(outcome)
            follows = not self._stopped and self._plan_what_follows(outcome)
        except Exception as error:  # noqa: BLE001 (as in _send_due)
            self._broken = error
            self.stop()
            follows = False
        if follows or not self._in_flight:
            self._set_wake()

    def _plan_what_follows(self, outcome: Outcome) -> bool:
        before = len(self._later)
        for planned in self._source.after(outcome):
            heapq.heappush(self._later, (planned.at_s, next(self._numbers), planned))
        return len(self._later) > before

    def _set_wake(self) -> None:
        due_s = None if self._stopped else self._due_s()
        if due_s is None:
            if not self._in_flight:
                self._over.set()
        elif self._wake is not None:
            self._wake.at(self._began_at + due_s)
