"""The overview over HTTP: how the installation is, and what happened lately, for `portcall top`."""

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web

from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import invalid_parameter, registry_not_found
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.management.overview.pulse import Pulse, Rates, Snapshot
from portcall.runtime.clock import now_ms
from portcall.schemas.durations import format_duration, parse_duration_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.webhooks import Webhook, check_name
from portcall.store.engine import Store
from portcall.store.traffic.traffic import LastAttempt, Series, Sums, WebhookTraffic
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.subscribers import Subscriber

PATH = "/portcall/overview"
SPAN_MS = 3_600_000
LEAST_SPAN_MS, GREATEST_SPAN_MS = 60_000, 31 * 86_400_000

Json = dict[str, object]


class OverviewHandler:
    """The route of the overview.

    Args:
        store: What was counted.
        pulse: How it is now.
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
        """GET how it is; ``registry`` names one, whose webhooks are told, and ``span`` the time."""
        name = _registry_name(call)
        span_ms = _span_ms(call)
        return answer(await asyncio.to_thread(self._document, name, span_ms))

    def _document(self, name: str | None, span_ms: int) -> Json:
        at_ms = now_ms()
        since_ms = at_ms - span_ms
        registry = None if name is None else self._registry(name)
        key = None if registry is None else registry.key
        series = self._store.traffic.series(since_ms=since_ms, until_ms=at_ms, registry=key)
        snapshot = self._pulse.snapshot()
        sick = self._store.webhooks.by_ids([each.webhook_id for each in snapshot.sick])
        told: Json = {
            "time": acr_timestamp(at_ms),
            "now": _now(snapshot, {each.id: each for each in sick}),
            "traffic": _series(series),
        }
        if registry is not None:
            told["registry"] = registry.name
            told["webhooks"] = self._webhooks(registry.key, since_ms, at_ms)
        return told

    def _registry(self, name: str) -> Registry:
        found = self._store.registries.get(name)
        if found is None:
            raise registry_not_found(name, self._lookups.installation.resource_group)
        return found

    def _webhooks(self, registry: str, since_ms: int, until_ms: int) -> Sequence[Json]:
        traffic = self._store.traffic.of_webhooks(registry, since_ms=since_ms, until_ms=until_ms)
        return [
            _webhook(each, traffic[each.id])
            for each in self._store.subscribers.of(registry)
            if each.id in traffic  # it was made in between
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


def _now(snapshot: Snapshot, webhooks: Mapping[int, Webhook]) -> Json:
    now: Json = {
        "at": acr_timestamp(snapshot.at_ms),
        "rates": _rates(snapshot.rates),
        "queues": {
            "eventsIn": snapshot.events_in,
            "deliver": snapshot.deliver,
            "retry": snapshot.retry,
            "dead": snapshot.dead,
            "unrouted": snapshot.unrouted,
        },
        "rungs": [
            {"delay": format_duration(each.delay_ms), "frames": each.frames}
            for each in snapshot.rungs
        ],
        "sick": [
            {
                "webhookId": str(each.webhook_id),
                "registry": webhooks[each.webhook_id].registry,
                "name": webhooks[each.webhook_id].name,
                "until": acr_timestamp(each.until_ms),
            }
            for each in snapshot.sick
            if each.webhook_id in webhooks
        ],
        "lag": {"frames": snapshot.lag.frames, "seconds": snapshot.lag.seconds},
    }
    if snapshot.problem:
        now["problem"] = snapshot.problem
    return now


def _rates(rates: Rates) -> Json:
    return {
        "eventsPerSecond": round(rates.events, 2),
        "attemptsPerSecond": round(rates.attempts, 2),
        "successRate": rates.success_rate,
        **_percentiles(rates.p50_ms, rates.p95_ms, rates.p99_ms),
    }


def _series(series: Series) -> Json:
    return {
        "stepSeconds": series.step_s,
        "total": _sums(series.total),
        "buckets": [
            {"start": acr_timestamp(each.start_ms), **_sums(each.sums)} for each in series.buckets
        ],
    }


def _sums(sums: Sums) -> Json:
    latency = sums.latency
    return {
        "events": sums.events,
        "attempts": sums.attempts,
        "succeeded": sums.succeeded,
        "failed": sums.failed,
        "givenUp": sums.given_up,
        "cancelled": sums.cancelled,
        "successRate": sums.success_rate,
        **_percentiles(latency.p50_ms, latency.p95_ms, latency.p99_ms),
    }


def _percentiles(*found: float | None) -> Json:
    names = ("p50Ms", "p95Ms", "p99Ms")
    return {
        name: None if value is None else round(value, 1)
        for name, value in zip(names, found, strict=True)
    }


def _webhook(subscriber: Subscriber, traffic: WebhookTraffic) -> Json:
    return {
        "id": str(subscriber.id),
        "name": subscriber.name,
        "status": subscriber.status.value,
        "scope": str(subscriber.scope),
        "total": _sums(traffic.total),
        "stepSeconds": traffic.series.step_s,
        "attempts": [each.sums.attempts for each in traffic.series.buckets],
        "succeeded": [each.sums.succeeded for each in traffic.series.buckets],
        "last": None if traffic.last is None else _last(traffic.last),
    }


def _last(last: LastAttempt) -> Json:
    return {
        "startedAt": acr_timestamp(last.started_ms),
        "outcome": last.outcome.value,
        "status": last.status,
        "attempt": last.attempt,
    }
