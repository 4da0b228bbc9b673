"""The overview over HTTP: the present state and recent traffic, for `portcall top`."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from msgspec import UNSET

from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import invalid_parameter, registry_not_found
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.management.overview import shapes
from portcall.management.overview.pulse import Pulse, Rates, Snapshot
from portcall.runtime.clock import now_ms
from portcall.schemas.durations import format_duration, parse_duration_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.webhooks import check_name
from portcall.store.engine import Store
from portcall.store.traffic.traffic import LastAttempt, Series, Sums, WebhookTraffic
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.subscribers import Subscriber
from portcall.store.webhooks.summaries import KnownWebhook

PATH = "/portcall/overview"
SPAN_MS = 3_600_000
LEAST_SPAN_MS, GREATEST_SPAN_MS = 60_000, 31 * 86_400_000


class OverviewHandler:
    """The route of the overview.

    Args:
        store: The sums.
        pulse: The present state.
        lookups: Knows the resource group.
    """

    def __init__(self, *, store: Store, pulse: Pulse, lookups: Lookups) -> None:
        self._store = store
        self._pulse = pulse
        self._lookups = lookups

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("GET", PATH, self.overview)

    async def overview(self, call: Call) -> web.Response:
        """GET the state; ``registry`` selects one and adds its webhooks, ``span`` is the period."""
        name = _registry_name(call)
        span_ms = _span_ms(call)
        snapshot = await self._pulse.look()
        return answer(await asyncio.to_thread(self._document, name, span_ms, snapshot))

    def _document(self, name: str | None, span_ms: int, snapshot: Snapshot) -> shapes.Overview:
        at_ms = now_ms()
        since_ms = at_ms - span_ms
        registry = None if name is None else self._registry(name)
        key = None if registry is None else registry.key
        series = self._store.traffic.series(since_ms=since_ms, until_ms=at_ms, registry=key)
        sick = self._store.known.by_ids([each.webhook_id for each in snapshot.sick])
        return shapes.Overview(
            time=acr_timestamp(at_ms),
            now=now_answer(snapshot, sick),
            traffic=series_answer(series),
            registry=UNSET if registry is None else registry.name,
            webhooks=UNSET if key is None else self._webhooks(key, since_ms, at_ms),
        )

    def _registry(self, name: str) -> Registry:
        found = self._store.registries.get(name)
        if found is None:
            raise registry_not_found(name, self._lookups.installation.resource_group)
        return found

    def _webhooks(
        self, registry: str, since_ms: int, until_ms: int
    ) -> list[shapes.WebhookOverview]:
        traffic = self._store.traffic.of_webhooks(registry, since_ms=since_ms, until_ms=until_ms)
        return [
            webhook_overview(each, traffic[each.id])
            for each in self._store.subscribers.of(registry)
            if each.id in traffic  # missing if it was created in between
        ]


def _registry_name(call: Call) -> str | None:
    name = call.parameter("registry")
    if name is None:
        return None
    try:
        return check_name(name, "registry")
    except InvalidValueError as error:
        raise invalid_parameter("registry", error.problem) from error


def _span_ms(call: Call) -> int:
    text = call.parameter("span")
    if text is None:
        return SPAN_MS
    try:
        span_ms = parse_duration_ms(text, "span")
    except InvalidValueError as error:
        raise invalid_parameter("span", error.problem) from error
    if not LEAST_SPAN_MS <= span_ms <= GREATEST_SPAN_MS:
        least, greatest = format_duration(LEAST_SPAN_MS), format_duration(GREATEST_SPAN_MS)
        raise invalid_parameter("span", f"must be from {least} to {greatest}")
    return span_ms


def now_answer(snapshot: Snapshot, webhooks: Mapping[int, KnownWebhook]) -> shapes.Now:
    """How the installation is; *webhooks* by id, those that are gone are left out."""
    return shapes.Now(
        at=acr_timestamp(snapshot.at_ms),
        rates=_rates(snapshot.rates),
        queues=shapes.Queues(
            events_in=snapshot.events_in,
            deliver=snapshot.deliver,
            retry=snapshot.retry,
            dead=snapshot.dead,
            unrouted=snapshot.unrouted,
        ),
        rungs=[shapes.Rung(format_duration(each.delay_ms), each.frames) for each in snapshot.rungs],
        sick=[
            shapes.Sick(
                webhook_id=str(each.webhook_id),
                registry=webhooks[each.webhook_id].registry.lower(),
                name=webhooks[each.webhook_id].name,
                until=acr_timestamp(each.until_ms),
            )
            for each in snapshot.sick
            if each.webhook_id in webhooks
        ],
        lag=shapes.Lag(snapshot.lag.frames, snapshot.lag.seconds),
        problem=snapshot.problem or UNSET,
    )


def _rates(rates: Rates) -> shapes.Rates:
    return shapes.Rates(
        events_per_second=round(rates.events, 2),
        attempts_per_second=round(rates.attempts, 2),
        success_rate=rates.success_rate,
        refused_per_second=round(rates.refused, 2),
        p50_ms=_rounded(rates.p50_ms),
        p95_ms=_rounded(rates.p95_ms),
        p99_ms=_rounded(rates.p99_ms),
    )


def series_answer(series: Series) -> shapes.Traffic:
    """What happened, step by step."""
    return shapes.Traffic(
        step_seconds=series.step_s,
        total=shapes.Sums(**_sums(series.total)),
        buckets=[
            shapes.Bucket(start=acr_timestamp(each.start_ms), **_sums(each.sums))
            for each in series.buckets
        ],
    )


def _sums(sums: Sums) -> dict[str, Any]:
    """The fields of `shapes.Sums`."""
    latency = sums.latency
    return {
        "events": sums.events,
        "attempts": sums.attempts,
        "succeeded": sums.succeeded,
        "failed": sums.failed,
        "given_up": sums.given_up,
        "cancelled": sums.cancelled,
        "refused": sums.refused,
        "success_rate": sums.success_rate,
        "p50_ms": _rounded(latency.p50_ms),
        "p95_ms": _rounded(latency.p95_ms),
        "p99_ms": _rounded(latency.p99_ms),
    }


def _rounded(found: float | None) -> float | None:
    return None if found is None else round(found, 1)


def webhook_overview(subscriber: Subscriber, traffic: WebhookTraffic) -> shapes.WebhookOverview:
    """What happened at one webhook."""
    return shapes.WebhookOverview(
        id=str(subscriber.id),
        name=subscriber.name,
        status=subscriber.status,
        scope=str(subscriber.scope),
        total=shapes.Sums(**_sums(traffic.total)),
        step_seconds=traffic.series.step_s,
        attempts=[each.sums.attempts for each in traffic.series.buckets],
        succeeded=[each.sums.succeeded for each in traffic.series.buckets],
        last=None if traffic.last is None else _last(traffic.last),
        scopes=list(subscriber.scopes.texts) if subscriber.scopes else UNSET,
    )


def _last(last: LastAttempt) -> shapes.LastAttempt:
    return shapes.LastAttempt(
        acr_timestamp(last.started_ms), last.outcome, last.status, last.attempt
    )
