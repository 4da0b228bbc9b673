"""Send events to a producer: at a given rate, concurrently, and again after a 503."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from portcall.cli.commands.synthetic import Synthesis
from portcall.cli.errors import CliError, NotRunningError, ServiceError
from portcall.cli.refusals import refusal_of, retry_after_s
from portcall.cli.server import Server
from portcall.runtime.clock import now_ms
from portcall.schemas.timestamps import acr_timestamp

MAX_TRIES = 10
RECONNECT_S = 1.0
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When events are sent.

    Attributes:
        count: How many events.
        batch: Events per request.
        rate: Events per second; 0: no waiting.
    """

    count: int
    batch: int
    rate: float

    def requests(self) -> Iterator[tuple[float, int]]:
        """Yield for each request its time, in seconds from the start, and number of events."""
        for first in range(0, self.count, self.batch):
            due_s = first / self.rate if self.rate else 0.0
            yield due_s, min(self.batch, self.count - first)


@dataclass(slots=True)
class SendingTally:
    """The results so far.

    Attributes:
        registry: The registry of the events.
        count: How many there are in all.
        accepted: How many the producer accepted.
        begun: How many were put into a request; more than that were not sent.
        retries: How many requests were sent again.
        elapsed_s: From the first request to the last answer.
        error: A permanent error; nothing is sent after it.
        problem: Why the last repeated request had to be repeated.
    """

    registry: str
    count: int
    accepted: int = 0
    begun: int = 0
    retries: int = 0
    elapsed_s: float = 0.0
    error: CliError | None = None
    problem: str = ""

    def interrupted(self) -> str:
        """What is known of each event after an interruption."""
        return (
            f"interrupted: {self.accepted} of {self.count} events were accepted,"
            f" {self.begun - self.accepted} were sent and have no answer,"
            f" {self.count - self.begun} were not sent"
        )

    def document(self) -> dict[str, Any]:
        """Return the summary."""
        return {
            "registry": self.registry,
            "accepted": self.accepted,
            "failed": self.count - self.accepted,
            "retries": self.retries,
            "seconds": round(self.elapsed_s, 3),
            "rate": round(self.accepted / self.elapsed_s, 1) if self.elapsed_s else 0.0,
        }


class EventSending:
    """Sends events to one producer.

    Args:
        server: Where, and with which token.
        synthesis: Makes the events.
        tally: Counts the results.
        concurrency: How many requests may be in flight.
        advance: Called with the number of events that were accepted.
    """

    def __init__(
        self,
        server: Server,
        synthesis: Synthesis,
        tally: SendingTally,
        *,
        concurrency: int,
        advance: Callable[[int], None],
    ) -> None:
        self._url = f"{server.producer_url}/registries/{tally.registry}/events"
        self._headers = {
            "Authorization": f"Bearer {server.token}",
            "Content-Type": "application/json",
        }
        self._synthesis = synthesis
        self._tally = tally
        self._concurrency = concurrency
        self._advance = advance

    async def run(self, schedule: Schedule) -> None:
        """Send everything; return after the last answer, or when nothing more can succeed."""
        began = time.perf_counter()
        requests = schedule.requests()
        connector = aiohttp.TCPConnector(limit=self._concurrency)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, headers=self._headers, timeout=REQUEST_TIMEOUT
                ) as http,
                asyncio.TaskGroup() as workers,
            ):
                for _ in range(self._concurrency):
                    workers.create_task(self._work(http, requests, began))
        finally:
            self._tally.elapsed_s = time.perf_counter() - began

    async def _work(
        self, http: aiohttp.ClientSession, requests: Iterator[tuple[float, int]], began: float
    ) -> None:
        """Send one due request after the other."""
        for due_s, size in requests:
            wait_s = began + due_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            if self._tally.error is not None:
                return
            await self._send(http, size)

    async def _send(self, http: aiohttp.ClientSession, size: int) -> None:
        """Send so many new events, and repeat them while the producer answers 503."""
        now = acr_timestamp(now_ms())
        self._tally.begun += size
        body = msgspec.json.encode([self._synthesis.event(now) for _ in range(size)])
        for attempt in range(1, MAX_TRIES + 1):
            wait_s = await self._try(http, body, size)
            if wait_s is None:
                return
            if attempt < MAX_TRIES:
                self._tally.retries += 1
                await asyncio.sleep(wait_s)

    async def _try(self, http: aiohttp.ClientSession, body: bytes, size: int) -> float | None:
        """Send one request; return how long to wait before repeating it, or None."""
        refusal: CliError
        try:
            url = URL(self._url, encoded=self._url.isascii())  # a path prefix is sent as given
            async with http.post(url, data=body, allow_redirects=False) as answer:
                if answer.status == 202:
                    self._tally.accepted += size
                    self._advance(size)
                    return None
                refusal = refusal_of(answer.status, await answer.read())
                wait_s = retry_after_s(answer.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            refusal, wait_s = self._unanswered(error), RECONNECT_S
        self._tally.problem = str(refusal)
        if isinstance(refusal, ServiceError) and refusal.status == 503:
            return wait_s
        self._tally.error = refusal
        return None

    def _unanswered(self, error: Exception) -> CliError:
        """Tell a producer that answered before, and will again, from one that is not there."""
        why = f"{self._url} does not answer: {str(error) or type(error).__name__}"
        if self._tally.accepted:
            return ServiceError(why, status=503)
        return NotRunningError(f"{why}. Is `portcall up` running there?")
