"""The metrics of single webhooks, for Prometheus. ``/metrics`` lacks them: there may be a million.

A scrape names a registry, and webhooks of it where there are many. All figures come from the store,
so each process of management gives the same answer.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from portcall.management.http.calls import Call
from portcall.management.http.errors import (
    invalid_parameter,
    registry_not_found,
    webhook_not_found,
)
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.runtime.clock import now_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import Status, check_name
from portcall.store.engine import Store
from portcall.store.traffic.latency import BINS_PER_OCTAVE, Latency
from portcall.store.traffic.traffic import WebhookTraffic
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import VisibleWebhook

PATH = "/portcall/webhookMetrics"
MAX_WEBHOOKS = 500
"""Of one scrape: each has 26 series, if it was attempted; a test counts them."""
DAY_MS = 86_400_000
BOUND_OCTAVES = range(10, 26)
"""The histogram's bounds are these powers of two, microseconds: 1 ms to 34 s, and edges of bins."""
LABELS = ("registry", "webhook")


class WebhookMetricsHandler:
    """The route of the metrics.

    Args:
        store: The webhooks and their traffic.
        lookups: Knows the resource group.
    """

    def __init__(self, *, store: Store, lookups: Lookups) -> None:
        self._store = store
        self._lookups = lookups

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("GET", PATH, self.metrics)

    async def metrics(self, call: Call) -> web.Response:
        """GET the metrics of ``registry``; ``webhook``, which may be repeated, selects some."""
        registry = _name(call.parameter("registry"), "registry")
        names = [_name(each, "webhook") for each in _all(call, "webhook")]
        if len(names) > MAX_WEBHOOKS:
            raise invalid_parameter("webhook", f"must be given {MAX_WEBHOOKS} times at most")
        content = await asyncio.to_thread(self._exposition, registry, names)
        return web.Response(body=content, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _exposition(self, name: str, names: Sequence[str]) -> bytes:
        registry = self._store.registries.get(name)
        if registry is None:
            raise registry_not_found(name, self._lookups.installation.resource_group)
        webhooks = self._named(registry, names) if names else self._of(registry)
        at_ms = now_ms()
        traffic = self._store.traffic.of_webhooks(
            registry.key,
            since_ms=at_ms - at_ms % DAY_MS,
            until_ms=at_ms,
            webhook_ids=[each.id for each in webhooks],
        )
        shown = CollectorRegistry()
        shown.register(WebhookMetrics(webhooks, traffic))
        return generate_latest(shown)

    def _named(self, registry: Registry, names: Sequence[str]) -> Sequence[VisibleWebhook]:
        found = {}
        for name in names:
            webhook = self._store.webhooks.find(VisibleWebhook, registry.key, name)
            if webhook is None:
                group = self._lookups.installation.resource_group
                raise webhook_not_found(registry.name, name, group)
            found[webhook.id] = webhook
        return list(found.values())

    def _of(self, registry: Registry) -> Sequence[VisibleWebhook]:
        found = self._store.webhooks.each(VisibleWebhook, registry.key, limit=MAX_WEBHOOKS + 1)
        if len(found) > MAX_WEBHOOKS:
            raise invalid_parameter(
                "webhook", f"must name webhooks: '{registry.name}' has more than {MAX_WEBHOOKS}"
            )
        return found


class WebhookMetrics(Collector):
    """The metrics of some webhooks.

    Args:
        webhooks: The webhooks.
        traffic: Their traffic since midnight UTC, by id. The histogram begins anew each day, as
            after a restart, because the sums of single webhooks are kept for 25 hours only.
    """

    def __init__(
        self, webhooks: Sequence[VisibleWebhook], traffic: Mapping[int, WebhookTraffic]
    ) -> None:
        self._webhooks = webhooks
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with a sample of every webhook."""
        yield self._attempts()
        yield self._ended()
        yield self._answers()
        yield self._enabled()
        yield self._last()

    def _attempts(self) -> Metric:
        family = CounterMetricFamily(
            "portcall_webhook_attempts",
            "Attempts at a webhook, by outcome.",
            labels=(*LABELS, "outcome"),
        )
        for each in self._webhooks:
            for outcome, count in (
                ("succeeded", each.delivered),
                ("failed", each.failed),
                ("refused", each.refused),
            ):
                family.add_metric([*_labels(each), outcome], count)
        return family

    def _ended(self) -> Metric:
        family = CounterMetricFamily(
            "portcall_webhook_undelivered",
            "Deliveries of a webhook that ended without success, by how.",
            labels=(*LABELS, "how"),
        )
        for each in self._webhooks:
            family.add_metric([*_labels(each), "given_up"], each.given_up)
            family.add_metric([*_labels(each), "cancelled"], each.cancelled)
        return family

    def _answers(self) -> Metric:
        family = HistogramMetricFamily(
            "portcall_webhook_answer_seconds",
            "Time to a webhook's answers, since midnight UTC.",
            labels=LABELS,
        )
        for each in self._webhooks:
            traffic = self._traffic.get(each.id)
            latency = Latency() if traffic is None else traffic.series.total.latency
            family.add_metric(_labels(each), buckets(latency), sum_value=latency.sum_us / 1e6)
        return family

    def _enabled(self) -> Metric:
        family = GaugeMetricFamily(
            "portcall_webhook_enabled", "Whether a webhook receives POSTs.", labels=LABELS
        )
        for each in self._webhooks:
            family.add_metric(_labels(each), float(each.status is Status.ENABLED))
        return family

    def _last(self) -> Metric:
        family = GaugeMetricFamily(
            "portcall_webhook_last_attempt_timestamp_seconds",
            "When a webhook's newest attempt began; without an attempt there is no sample.",
            labels=LABELS,
        )
        for each in self._webhooks:
            traffic = self._traffic.get(each.id)
            if traffic is not None and traffic.last is not None:
                family.add_metric(_labels(each), traffic.last.started_ms / 1000)
        return family


def buckets(latency: Latency) -> list[tuple[str, float]]:
    """The cumulative buckets of a histogram, from bins whose edges include the bounds."""
    found: list[tuple[str, float]] = []
    for octaves in BOUND_OCTAVES:
        below = octaves * BINS_PER_OCTAVE
        count = sum(count for number, count in latency.bins.items() if number < below)
        found.append((str(2**octaves / 1e6), count))
    return [*found, ("+Inf", latency.count)]


def _labels(webhook: VisibleWebhook) -> list[str]:
    return [webhook.registry, webhook.name]


def _name(text: str | None, parameter: str) -> str:
    if text is None:
        raise invalid_parameter(parameter, "is missing; name the registry")
    try:
        return check_name(text, parameter)
    except InvalidValueError as error:
        raise invalid_parameter(parameter, error.problem) from error


def _all(call: Call, name: str) -> list[str]:
    return [value for key, value in call.request.query.items() if key.lower() == name]
