"""Deliveries: a record, the life of a delivery, its event at every webhook, and resending."""

import asyncio
from urllib.parse import quote

from aiohttp import web

from portcall.management.console.desk import REGISTRY, WEBHOOK, Desk, webhook_path
from portcall.management.console.views.records import entry_of
from portcall.management.explain.explanation import Explaining, Explanation, Life, Whereabouts
from portcall.management.explain.reasons import ignored_reason
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.management.http.routes import Routes
from portcall.schemas.extras import NONE
from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Status
from portcall.store.records.event_log import StoredRecord
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import VisibleWebhook

MAX_ID = 18
MOVING = (
    Whereabouts.COALESCING,
    Whereabouts.NAMING,
    Whereabouts.QUEUED,
    Whereabouts.WAITING,
    Whereabouts.DUE,
    Whereabouts.UNKNOWN,
)
"""States that will change."""


class DeliveryPages:
    """The pages of deliveries.

    Args:
        desk: Shared by all pages.
        explaining: Explains deliveries.
    """

    def __init__(self, *, desk: Desk, explaining: Explaining) -> None:
        self._desk = desk
        self._explaining = explaining

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", f"{WEBHOOK}/records/{{record}}", self.record)
        routes.add("GET", f"{WEBHOOK}/deliveries/{{event}}", self.life)
        routes.add("GET", f"{WEBHOOK}/deliveries/{{event}}/attempts/{{attempt}}", self.attempt)
        routes.add("POST", f"{WEBHOOK}/deliveries/{{event}}/resend", self.resend)
        routes.add("POST", f"{WEBHOOK}/deliveries/{{event}}/try-now", self.try_now)
        routes.add("GET", f"{REGISTRY}/events/{{event}}", self.explain)

    async def record(self, call: Call) -> web.Response:
        """GET one record, for an opened row of the table."""
        registry, webhook = await self._found(call)
        number = call.names["record"]
        record = None
        if number.isascii() and number.isdecimal() and len(number) <= MAX_ID:
            record = await asyncio.to_thread(self._desk.store.searching.get, int(number))
        if record is None or record.webhook_id != webhook.id:
            raise _no_record(webhook)
        return await self._opened(call, registry, webhook, record)

    async def attempt(self, call: Call) -> web.Response:
        """GET the same for a live row: by its event and the number of the attempt."""
        registry, webhook = await self._found(call)
        event_id, number = call.names["event"], call.names["attempt"]
        records = await asyncio.to_thread(
            self._desk.store.eventlog.of_event, event_id, [webhook.id]
        )
        fitting = [each for each in records if str(each.attempt) == number]
        if not fitting:
            return self._desk.pages.page(
                call, "record-later.html", here=call.request.rel_url.raw_path
            )
        return await self._opened(call, registry, webhook, fitting[-1])

    async def life(self, call: Call) -> web.Response:
        """GET the life of a delivery."""
        registry, webhook = await self._found(call)
        event_id = call.names["event"]
        life = await asyncio.to_thread(self._explaining.life, webhook.id, event_id)
        if life is None:
            raise ArmError(
                404,
                "DeliveryNotFound",
                f"{webhook.name} has no record of this event. If it was sent just now, load the"
                " page again in a moment; records are kept for as long as the installation says.",
            )
        return self._desk.pages.page(
            call,
            "delivery.html",
            registry=registry,
            webhook=webhook,
            life=life,
            steps=[(step.reason, entry_of(step.record)) for step in life.steps],
            look_again=_look_again(call, life),
        )

    async def resend(self, call: Call) -> web.Response:
        """POST to attempt a delivery again, as a replay of only this delivery."""
        _, webhook = await self._found(call)
        event_id = call.names["event"]
        path = f"{self._desk.inner.webhook(webhook.registry, webhook.name)}/replay"
        back = (
            f"{webhook_path(webhook.registry, webhook.name)}/deliveries/{quote(event_id, safe='')}"
        )
        try:
            replay = await self._desk.inner.ask(call, "POST", path, {"eventId": event_id})
        except ArmError as error:
            if error.status not in (400, 409):
                raise
            return self._desk.done(call, back, error.message, kind="bad")
        if not replay["properties"]["total"]:
            text = "There is nothing to resend: it has not ended yet, or it is a ping."
            return self._desk.done(call, back, text, kind="bad")
        known = await self._known(webhook, event_id)
        return self._desk.done(
            call, f"{back}?resent={known}", "It is sent again, under the same id."
        )

    async def try_now(self, call: Call) -> web.Response:
        """POST to make the next attempt of a waiting delivery now."""
        _, webhook = await self._found(call)
        event_id = call.names["event"]
        page = webhook_path(webhook.registry, webhook.name)
        back = f"{page}/deliveries/{quote(event_id, safe='')}"
        known = await self._known(webhook, event_id)
        path = f"{self._desk.inner.webhook(webhook.registry, webhook.name)}/tryNow"
        try:
            tried = await self._desk.inner.ask(call, "POST", path, {"eventId": event_id})
        except ArmError as error:
            if error.status not in (400, 404, 409, 503):
                raise
            return self._desk.done(call, back, error.message, kind="bad")
        text = f"Attempt {tried['attempt']} is made now. The schedule goes on after it."
        return self._desk.done(call, f"{back}?resent={known}", text)

    async def _known(self, webhook: VisibleWebhook, event_id: str) -> int:
        """How many records a delivery has."""
        life = await asyncio.to_thread(self._explaining.life, webhook.id, event_id)
        return len(life.steps) if life else 0

    async def explain(self, call: Call) -> web.Response:
        """GET one event: which webhooks get it, which do not, and why."""
        registry = await self._desk.lookups.registry(call)
        event_id = call.names["event"]
        explanation = await asyncio.to_thread(self._explaining.explain, registry.key, event_id)
        if explanation is None:
            raise ArmError(404, "EventNotFound", f"{registry.name} has no event of this id.")
        because = ignored_reason(explanation.ignored) if explanation.ignored else ""
        return self._desk.pages.page(
            call,
            "event.html",
            registry=registry,
            explanation=explanation,
            because=because,
            extras=_extras(explanation),
        )

    async def _found(self, call: Call) -> tuple[Registry, VisibleWebhook]:
        return await self._desk.lookups.registry(call), await self._desk.lookups.webhook(call)

    async def _opened(
        self, call: Call, registry: Registry, webhook: VisibleWebhook, record: StoredRecord
    ) -> web.Response:
        """A record, with the other attempts of its delivery to choose from."""
        found = await asyncio.to_thread(
            self._desk.store.eventlog.of_event, record.event_id, [webhook.id]
        )
        attempts = [each for each in found if each.accepted_ms == record.accepted_ms]
        waits = bool(attempts) and attempts[-1].outcome is Outcome.RETRIED
        return self._desk.pages.page(
            call,
            "record.html",
            registry=registry,
            webhook=webhook,
            shown=entry_of(record),
            attempts=attempts,
            waits=waits and webhook.status is Status.ENABLED,
        )


def _extras(explanation: Explanation) -> list[tuple[str, str]]:
    """What the source tells beyond the payload: names and values, without the unknown ones."""
    told = explanation.extras or NONE
    source = f"{told.source} ({told.kind})" if told.kind else ""
    rows = (
        ("Actor", told.actor),
        ("Artifact type", told.artifact_type),
        ("Platforms", ", ".join(told.platforms)),
        ("Lists", ", ".join(each.digest for each in told.children)),
        ("Deleted tags", ", ".join(explanation.tags)),
        ("Source", source),
        ("Id at the source", told.source_id),
        ("Backfilled", "yes: found by a comparison later" if told.backfilled else ""),
    )
    return [(name, value) for name, value in rows if value]


def _look_again(call: Call, life: Life) -> str:
    """The query with which the page reloads itself; empty: nothing will change soon.

    After a resend it reloads until there is a new record.
    """
    known = call.parameter("resent") or ""
    if known == str(len(life.steps)):
        return f"?resent={known}"
    return "?" if life.whereabouts in MOVING else ""


def _no_record(webhook: VisibleWebhook) -> ArmError:
    return ArmError(404, "RecordNotFound", f"{webhook.name} has no such record, or no more.")
