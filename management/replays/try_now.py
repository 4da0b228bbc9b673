"""Try now: makes the next attempt of a waiting delivery at once.

Its message on the ladder cannot be taken out, so a copy is published, and deliverers drop the
waiting message when it comes back. The row that names it is written before the copy and confirmed
after it: see `schemas.overtaking` and decision 0079.
"""

import asyncio
from typing import Protocol

from aiohttp import web

from portcall.management.http.announcements import announce
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import (
    ArmError,
    FieldFault,
    invalid_content,
    service_unavailable,
)
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import WEBHOOK, Routes
from portcall.management.replays.bodies import TryNowBody
from portcall.management.replays.routes import webhook_disabled
from portcall.management.replays.shapes import TriedNow
from portcall.runtime.broker.publishing import Announcer, OncePublisher
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import Event
from portcall.schemas.frames import encode_deliveries
from portcall.schemas.overtaking import Turn, copy_of, turn_of
from portcall.schemas.records import Outcome
from portcall.schemas.topology import DELIVER, retry_key
from portcall.schemas.webhooks import Status
from portcall.store.engine import Store
from portcall.store.errors import TooManyOvertakenError
from portcall.store.records.event_log import StoredRecord
from portcall.store.webhooks.row import VisibleWebhook

TRY_NOW = f"{WEBHOOK}/tryNow"
TIMEOUT_S = 4.0
SOON_MS = 5_000
"""Refused so long before the attempt's time: the waiting message might come back before all
deliverers know of the copy. They read changes within 2 s."""
UNDER_WAY_MS = 30_000
"""Refused so long after the attempt's time, because it may be under way: twice the usual limit of
an attempt. Later the delivery is parked, or queued."""


class TryNowPublisher(OncePublisher, Announcer, Protocol):
    """Publishes copies, and hints."""


class TryNowHandler:
    """The route.

    Args:
        store: Has the records and the rows of overtaken deliveries.
        lookups: Finds the resources that a path names.
        publisher: Publishes the copies.
        shards: Number of queues that share the deliveries.
    """

    def __init__(
        self, *, store: Store, lookups: Lookups, publisher: TryNowPublisher, shards: int
    ) -> None:
        self._store = store
        self._lookups = lookups
        self._publisher = publisher
        self._shards = shards
        self._under_way: dict[tuple[int, Turn], asyncio.Future[None]] = {}
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("POST", TRY_NOW, self.try_now)

    async def try_now(self, call: Call) -> web.Response:
        """POST tryNow: 202; the attempt follows within seconds. The same again changes nothing."""
        body = await call.body(TryNowBody)
        webhook = await self._lookups.webhook(call)
        if webhook.status is Status.DISABLED:
            raise webhook_disabled(webhook, "its deliveries cannot be tried")
        last = await asyncio.to_thread(self._last, webhook, body)
        at_ms = now_ms()
        _check_waits(last, at_ms)
        try:
            await self._overtake(last, at_ms)
        except BrokerError as error:
            self._log.warning("delivery.not_tried", webhook_id=webhook.id, reason=str(error))
            raise service_unavailable(
                "The message broker did not confirm the attempt, so it may not be made now. The"
                " delivery waits for its next attempt as before; try again."
            ) from error
        self._log.info("delivery.tried_now", webhook_id=webhook.id, event_id=last.event_id)
        return answer(TriedNow(last.event_id, last.delivery_id, last.attempt + 1), 202)

    def _last(self, webhook: VisibleWebhook, body: TryNowBody) -> StoredRecord:
        """The last record of the delivery that a body names."""
        event_id = body.event_id
        if (event_id is None) == (body.delivery_id is None):
            raise invalid_content([FieldFault("eventId", "give it, or deliveryId; one of both")])
        if event_id is None:
            event_id = self._store.replays.event_id_of(webhook.id, body.delivery_id or "")
        records = self._store.eventlog.of_event(event_id, [webhook.id]) if event_id else []
        if not records:
            raise ArmError(
                404,
                "DeliveryNotFound",
                f"The webhook '{webhook.name}' has no record of this delivery.",
                target="deliveryId" if body.event_id is None else "eventId",
            )
        accepted_ms = max(each.accepted_ms for each in records)
        return [each for each in records if each.accepted_ms == accepted_ms][-1]

    async def _overtake(self, last: StoredRecord, at_ms: int) -> None:
        """Publish a copy of the delivery that waits.

        Two requests at the same time, such as those of a double click, publish one copy: with two,
        the attempt would be made twice, and both would continue the schedule.

        Raises:
            BrokerError: The copy may not have been published; the same may be done again.
        """
        waiting = Delivery(
            event=0,
            webhook_id=last.webhook_id,
            attempt=last.attempt + 1,
            first=last.detail.first,
            began_ms=last.detail.began_ms,
        )
        turn = turn_of(last.event, waiting)
        key = (last.webhook_id, turn)
        under_way = self._under_way.get(key)
        if under_way is None:
            due_ms = last.detail.next_attempt_ms
            work = self._publish(last.event, waiting, turn, due_ms=due_ms, at_ms=at_ms)
            under_way = self._under_way[key] = asyncio.ensure_future(work)
            under_way.add_done_callback(lambda _: self._under_way.pop(key))
        await asyncio.shield(under_way)

    async def _publish(
        self, event: Event, waiting: Delivery, turn: Turn, *, due_ms: int, at_ms: int
    ) -> None:
        """Note the delivery that waits, publish its copy, and note that the broker has it."""
        webhook_id, table = waiting.webhook_id, self._store.overtaken
        try:
            overtaken, revision = await asyncio.to_thread(
                table.ask, webhook_id, turn, due_ms=due_ms, now_ms=at_ms
            )
        except TooManyOvertakenError as error:
            text = f"{str(error).capitalize()}. Wait until some of them have been attempted."
            raise ArmError(409, "TooManyTried", text) from error
        if overtaken.is_published:
            return
        await announce(self._publisher, revision)
        await self._publisher.publish(
            encode_deliveries([event], [copy_of(event, waiting)], again=True),
            exchange=DELIVER,
            key=retry_key(shard_of(webhook_id, self._shards)),
            timeout_s=TIMEOUT_S,
        )
        revision = await asyncio.to_thread(table.confirm, webhook_id, turn)
        await announce(self._publisher, revision)


def _check_waits(last: StoredRecord, at_ms: int) -> None:
    """Refuse a delivery that has no next attempt, or whose next attempt begins anyway.

    Raises:
        ArmError: 409.
    """
    if last.outcome is not Outcome.RETRIED:
        how = last.outcome.value.replace("_", " ")
        text = f"The delivery does not wait: it was {how}. A replay attempts it again."
        raise ArmError(409, "DeliveryNotWaiting", text)
    ahead_ms = last.detail.next_attempt_ms - at_ms
    if 0 <= ahead_ms < SOON_MS:
        text = f"Its next attempt begins in {max(ahead_ms // 1000, 1)} s anyway."
        raise ArmError(409, "AttemptIsDue", text)
    if -UNDER_WAY_MS < ahead_ms < 0:
        text = (
            f"Its next attempt was due {-ahead_ms // 1000} s ago and may be under way."
            f" Try again if it has no result {UNDER_WAY_MS // 1000} s after its time."
        )
        raise ArmError(409, "AttemptIsDue", text)
