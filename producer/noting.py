"""Accepting: events are published and confirmed first, and then noted in the journal.

In this order a note proves that the broker has the event. The other way round, or both by one
message for two queues, an event that `portcall.events.in` refuses because it is full would stand in
the journal although its sender was told 503 (docs/decisions/0011).
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from producer.publishing import PUBLISH_TIMEOUT_S, Publisher, publish_events
from runtime.batcher import Batcher
from runtime.errors import UnconfirmedError
from schemas.events import Event
from schemas.frames import encode_journal
from schemas.journal import Note, accepted
from schemas.topology import JOURNAL

NOTE_BYTES = 128
"""About what a note adds to a frame."""
LEAST_S = 0.5
"""What is left to the note of a request whose events took their whole time."""


class SurePublisher(Publisher, Protocol):
    """What is needed of `runtime.publisher.Publisher`."""

    async def publish_surely(self, body: bytes, *, exchange: str) -> None:
        """Publish until confirmed."""


class Noted(NamedTuple):
    """The notes of one request, and who waits for their confirm."""

    notes: list[Note]
    confirmed: "asyncio.Future[None]"


class Accepting:
    """Publishes and notes; the notes of requests that come together share a frame.

    Args:
        publisher: The broker.
        clock: Seconds that never go back.
    """

    def __init__(
        self, publisher: SurePublisher, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._notes = Batcher(self._send, weigh=_weigh)

    async def accept(self, events: Sequence[Event]) -> None:
        """Publish and note *events*; returns when the broker has confirmed all of it.

        Raises:
            BrokerError: It did not in time: the sender must send all of it again.
        """
        began = self._clock()
        await publish_events(self._publisher, events)
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._notes.add(Noted([accepted(event) for event in events], confirmed))
        left_s = max(LEAST_S, PUBLISH_TIMEOUT_S - (self._clock() - began))
        try:
            async with asyncio.timeout(left_s):
                await confirmed
        except TimeoutError as error:
            raise UnconfirmedError("no confirm from the broker for the journal") from error

    async def _send(self, items: list[Noted]) -> None:
        notes = [note for item in items for note in item.notes]
        await self._publisher.publish_surely(
            encode_journal(uuid.uuid4().hex, notes), exchange=JOURNAL
        )
        for item in items:
            if not item.confirmed.done():
                item.confirmed.set_result(None)


def _weigh(item: Noted, _last: Noted | None) -> int:
    return NOTE_BYTES * len(item.notes)
