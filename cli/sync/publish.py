"""Publishing what was missed: paced, each event checked once more just before it is sent.

Whether an event was accepted is decided by Portcall's known tags, which the accepted event itself
changes. So a run after a kill sends only what is still missed. One batch may be in doubt: it was
accepted, and its notes are not entered yet. Its events are then sent again under the same ids.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from portcall.cli.errors import NotRunningError, ServiceError
from portcall.cli.refusals import refusal_of, retry_after_s
from portcall.cli.sync.comparison import Known, Missed, missed_push
from portcall.cli.sync.events import event_of
from portcall.cli.sync.known import KnownTags
from portcall.cli.sync.progress_file import ProgressFile
from portcall.cli.sync.registry.catalogue import Catalogue

BATCH = 50
"""Events in one request at most; a batch is what a kill can leave in doubt."""
BATCHES_PER_S = 4
"""At a low rate, batches are small enough for so many a second: consumers get an even stream."""
TRIES = 10
RECONNECT_S = 1.0
TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(slots=True)
class Tally:
    """What was published.

    Attributes:
        accepted: Events that the producer accepted.
        arrived: Events that arrived in the meantime, by the registry or by an earlier run.
        changed: Tags that moved or vanished in the meantime; the registry tells that itself, or
            the next sync finds it.
    """

    accepted: int = 0
    arrived: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go.

    Attributes:
        url: The producer's address for events of the registry.
        token: A token that may publish.
        registry: The registry's name.
        host: The registry's host, as clients know it.
    """

    url: str
    token: str = field(repr=False)
    registry: str
    host: str


class Publishing:
    """Publishes missed events.

    Args:
        http: Sends them.
        destination: Where they go.
        catalogue: The registry, for the last check.
        known: What Portcall knows, for the same.
        progress: Notes each batch.
        rate: Events per second; 0: as fast as possible.
        advance: Called with the number of events that are done.
        pause: Waits for so many seconds.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        destination: Destination,
        catalogue: Catalogue,
        known: KnownTags,
        progress: ProgressFile,
        rate: float,
        advance: Callable[[int], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._destination = destination
        self._catalogue = catalogue
        self._known = known
        self._progress = progress
        self._rate = rate
        self._advance = advance
        self._pause = pause
        self._clock = clock

    async def run(self, missed: Sequence[Missed], tally: Tally) -> None:
        """Publish these events in their order; *tally* counts them, also if this raises.

        Raises:
            CliError: The registry, the producer or the management API refuses or does not answer.
        """
        await self._known.catch_up()
        began = self._clock()
        for batch in batches(missed, self._rate):
            due_s = began + tally.accepted / self._rate if self._rate else began
            await self._pause(max(0.0, due_s - self._clock()))
            left = await self._still_missed(batch, tally)
            if left:
                documents = [
                    event_of(self._destination.registry, self._destination.host, each)
                    for each in left
                ]
                self._progress.sending([each["id"] for each in documents])
                await self._send(documents)
                self._progress.accepted(len(documents))
                tally.accepted += len(documents)
            self._advance(len(batch))

    async def _still_missed(self, batch: Sequence[Missed], tally: Tally) -> list[Missed]:
        """Those of a batch that are still true, and still unknown."""
        known = {name: await self._known.of(name) for name in {each.repository for each in batch}}
        checks = [self._checked(each, known[each.repository], tally) for each in batch]
        return [each for each in await asyncio.gather(*checks) if each is not None]

    async def _checked(
        self, missed: Missed, known: Mapping[str, Known], tally: Tally
    ) -> Missed | None:
        if missed.action == "delete":
            return await self._checked_delete(missed, known, tally)
        before = known.get(missed.tag)
        if before is not None and before.digest in {missed.digest, ""}:
            tally.arrived += 1
            return None
        there = await self._catalogue.look(missed.repository, missed.tag)
        if there is None or there.digest != missed.digest:
            tally.changed += 1
            return None
        return missed_push(missed.repository, missed.tag, there, before, missed.at)

    async def _checked_delete(
        self, missed: Missed, known: Mapping[str, Known], tally: Tally
    ) -> Missed | None:
        if missed.digest not in {each.digest for each in known.values()}:
            tally.arrived += 1
            return None
        if await self._catalogue.is_gone(missed.repository, missed.digest) is not True:
            tally.changed += 1
            return None
        return missed

    async def _send(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Send one batch, and again while the producer answers 503."""
        body = msgspec.json.encode(documents)
        for attempt in range(1, TRIES + 1):
            refusal, wait_s = await self._try(body)
            if refusal is None:
                return
            if refusal.status != 503 or attempt == TRIES:
                raise refusal
            await self._pause(wait_s)

    async def _try(self, body: bytes) -> tuple[ServiceError | None, float]:
        url = self._destination.url
        headers = {
            "Authorization": f"Bearer {self._destination.token}",
            "Content-Type": "application/json",
        }
        try:
            async with self._http.post(
                URL(url, encoded=url.isascii()),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=TIMEOUT,
            ) as answer:
                if answer.status == 202:
                    return None, 0.0
                content = await answer.content.read(64 * 1024)
                wait_s = retry_after_s(answer.headers.get("Retry-After"))
                return refusal_of(answer.status, content), wait_s
        except aiohttp.InvalidURL as error:
            raise NotRunningError(f"{url} is no address of a producer") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            why = f"{url} does not answer: {str(error) or type(error).__name__}"
            return ServiceError(why, status=503), RECONNECT_S


def batches(missed: Sequence[Missed], rate: float) -> list[Sequence[Missed]]:
    """Divide events into requests: small ones at a low rate."""
    size = BATCH if not rate else max(1, min(BATCH, int(rate / BATCHES_PER_S)))
    return [missed[start : start + size] for start in range(0, len(missed), size)]
