"""Publishing events until each is accepted, and writing down every try."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import aiohttp

from tests.faults.harness.journals import Publication
from tests.installation import Installation, push_event

AGAIN_S = 0.2
PATIENCE_S = 240.0
"""How long an event is tried: longer than any outage of the tests, shorter than their limits."""
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=15)


class Subject(NamedTuple):
    """What is pushed where."""

    registry: str
    repository: str = "team/app"
    tag: str = "v1"


class Load:
    """A publisher that sends an event again until it is accepted.

    Args:
        installation: Whose producer takes the events; it may be restarted meanwhile.
        http: Sends them.
        label: Begins every event's id.
        patience_s: How long it sends an event again before it fails.
    """

    def __init__(
        self,
        installation: Installation,
        http: aiohttp.ClientSession,
        label: str = "event",
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._installation = installation
        self._http = http
        self._label = label
        self._patience_s = patience_s
        self._ready = installation.ready
        self.publications: list[Publication] = []

    @property
    def refusals(self) -> int:
        """Tries that did not end with 202."""
        return sum(len(each.tries) - (each.accepted_at is not None) for each in self.publications)

    async def publish(
        self,
        count: int,
        subject: Callable[[int], Subject],
        *,
        rate: float = 0.0,
        batch: int = 10,
        concurrency: int = 4,
    ) -> list[Publication]:
        """Publish so many events, and return when all are accepted.

        Args:
            count: How many.
            subject: Of the event with this number, from 0.
            rate: Events a second; 0: as fast as they are accepted.
            batch: Events in a request, which are of one registry.
            concurrency: Requests under way.
        """
        first = len(self.publications)
        made = [
            Publication(f"{self._label}-{first + number}", *subject(number))
            for number in range(count)
        ]
        self.publications += made
        requests = iter(
            [
                (start / rate if rate else 0.0, made[start : start + batch])
                for start in range(0, count, batch)
            ]
        )
        began = time.monotonic()

        async def work() -> None:
            for due_s, request in requests:
                await asyncio.sleep(max(0.0, began + due_s - time.monotonic()))
                await self._until_accepted(request)

        await asyncio.gather(*(work() for _ in range(concurrency)))
        return made

    async def _until_accepted(self, publications: Sequence[Publication]) -> None:
        (registry,) = {each.registry for each in publications}
        events = [push_event(each.repository, each.tag, id=each.event_id) for each in publications]
        end = time.monotonic() + self._patience_s
        while True:
            now = time.time()
            for each in publications:
                each.tries.append(now)
            refusal = await self._try(registry, events)
            if not refusal:
                for each in publications:
                    each.accepted_at, each.answered_at = now, time.time()
                return
            assert time.monotonic() < end, f"refused for {self._patience_s} s: {refusal}"
            await asyncio.sleep(AGAIN_S)

    async def _try(self, registry: str, events: list[dict[str, object]]) -> str:
        """Send a request once; returns why it was not accepted, or an empty text."""
        try:
            async with self._http.post(
                f"{self._ready['producer_url']}/registries/{registry}/events",
                json=events,
                headers={"Authorization": f"Bearer {self._ready['token']}"},
                timeout=REQUEST_TIMEOUT,
            ) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._look_again()
            return repr(error)
        # The contract: while the broker or the store is away, 503 and nothing else.
        assert answer.status in {202, 503}, text
        return "" if answer.status == 202 else text

    def _look_again(self) -> None:
        """Read the producer's address again: after a restart of everything it has another port."""
        with suppress(OSError, ValueError):  # while it starts, there is none
            self._ready = self._installation.ready
