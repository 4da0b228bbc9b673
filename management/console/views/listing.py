"""Lists: registries, and the webhooks of one, each with its state."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from portcall.management.console import words
from portcall.management.console.views.health import HealthAtAGlance, health_of
from portcall.management.overview.pulse import Pulse
from portcall.schemas.records import Outcome
from portcall.schemas.uris import parse_uri
from portcall.schemas.webhooks import Status, action_names
from portcall.store.engine import Store
from portcall.store.traffic.traffic import Sums, WebhookTraffic
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import VisibleWebhook

DAY_MS = 86_400_000
MAX_WEBHOOKS = 1000
"""More than any SKU allows."""
SHOWN = ("", "attention", "enabled", "disabled")
"""The choices of the list; empty: everything."""
PAGE = 50
"""Webhooks on one page."""


@dataclass(frozen=True, slots=True)
class WebhookLine:
    """One webhook in a list.

    Attributes:
        row: The webhook.
        host: The host of its URI; readers see no more of it.
        actions: Its actions.
        health: Its state.
        traffic: Its traffic of the last day; None: unknown.
        spark: The points of a sparkline of the day's attempts.
        reason: Why the last attempt did not succeed, in brief; empty: it did, or there is none.
    """

    row: VisibleWebhook
    host: str
    actions: Sequence[str]
    health: HealthAtAGlance
    traffic: WebhookTraffic | None
    spark: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WebhookChoice:
    """Which webhooks the user asked for.

    Attributes:
        text: Part of the name, the host or the scope, in any case; empty: any.
        show: One of `SHOWN`; anything else: all.
        page: Which page of them, from 1; beyond the last: the last.
    """

    text: str = ""
    show: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """A page of the matching webhooks.

    Attributes:
        lines: Those of the page, by name.
        number: The page's number, from 1.
        pages: The number of pages, 1 at least.
        fitting: How many webhooks match, on all pages.
        counts: How many webhooks of the registry match each of `SHOWN`.
    """

    lines: Sequence[WebhookLine]
    number: int
    pages: int
    fitting: int
    counts: Mapping[str, int]

    @property
    def first(self) -> int:
        """The number of its first line among the matches, from 1."""
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        """The number of its last line."""
        return self.first + len(self.lines) - 1


@dataclass(frozen=True, slots=True)
class RegistryLine:
    """One registry in a list.

    Attributes:
        registry: The registry.
        webhooks: How many it has.
        total: Its traffic of the last day.
        spark: The points of a sparkline of the day's events.
        disabled: How many of its webhooks were disabled automatically.
    """

    registry: Registry
    webhooks: int
    total: Sums
    spark: str
    disabled: int = 0


@dataclass(frozen=True, slots=True)
class Lists:
    """Makes lists.

    Attributes:
        store: The store.
        pulse: Knows the paused endpoints.
        clock_ms: The time, milliseconds since the epoch.
    """

    store: Store
    pulse: Pulse
    clock_ms: Callable[[], int]

    async def registries(self) -> list[RegistryLine]:
        """Every registry, by name."""
        return await asyncio.to_thread(self._registries)

    async def webhooks(self, registry: Registry, choice: WebhookChoice) -> WebhookPage:
        """A page of the webhooks of a registry."""
        return await asyncio.to_thread(self._webhooks, registry.key, choice)

    async def webhook(self, row: VisibleWebhook) -> WebhookLine:
        """One webhook."""
        return await asyncio.to_thread(self._webhook, row)

    def _registries(self) -> list[RegistryLine]:
        until_ms = self.clock_ms()
        known = self.store.known.disabled_by_themselves()
        disabled = Counter(each.registry.lower() for each in known)
        lines = []
        for registry in self.store.registries.list():
            series = self.store.traffic.series(
                since_ms=until_ms - DAY_MS, until_ms=until_ms, registry=registry.key
            )
            spark = words.spark([bucket.sums.events for bucket in series.buckets])
            number = self.store.webhooks.count(registry.key)
            lines.append(
                RegistryLine(registry, number, series.total, spark, disabled[registry.key])
            )
        return lines

    def _webhooks(self, registry: str, choice: WebhookChoice) -> WebhookPage:
        """The store sums up the traffic of all; other details are read for those of the page."""
        until_ms = self.clock_ms()
        since_ms = until_ms - DAY_MS
        totals = self.store.traffic.totals(registry, since_ms=since_ms, until_ms=until_ms)
        sick = self._sick()
        every = [
            (row, health_of(row, until_ms, sick.get(row.id, 0), totals.get(row.id)))
            for row in self.store.webhooks.each(VisibleWebhook, registry, limit=MAX_WEBHOOKS)
        ]
        fitting = [
            each for each in every if _fits(*each, choice.show) and _has(each[0], choice.text)
        ]
        pages = max(1, math.ceil(len(fitting) / PAGE))
        number = min(max(1, choice.page), pages)
        shown = fitting[(number - 1) * PAGE : number * PAGE]
        traffic = self.store.traffic.of_webhooks(
            registry,
            since_ms=since_ms,
            until_ms=until_ms,
            webhook_ids=[row.id for row, _ in shown],
        )
        reasons = self.store.searching.reasons([*filter(None, map(_failed, traffic.values()))])
        return WebhookPage(
            lines=[_line(row, health, traffic.get(row.id), reasons) for row, health in shown],
            number=number,
            pages=pages,
            fitting=len(fitting),
            counts={show: sum(_fits(*each, show) for each in every) for show in SHOWN},
        )

    def _webhook(self, row: VisibleWebhook) -> WebhookLine:
        until_ms = self.clock_ms()
        known = self.store.traffic.of_webhooks(
            row.registry.lower(),
            since_ms=until_ms - DAY_MS,
            until_ms=until_ms,
            webhook_ids=[row.id],
        ).get(row.id)
        health = health_of(
            row, until_ms, self._sick().get(row.id, 0), known.total if known else None
        )
        failed = _failed(known)
        return _line(row, health, known, self.store.searching.reasons([failed] if failed else []))

    def _sick(self) -> Mapping[int, int]:
        return {each.webhook_id: each.until_ms for each in self.pulse.snapshot().sick}


def _fits(row: VisibleWebhook, health: HealthAtAGlance, show: str) -> bool:
    match show:
        case "attention":
            return health.needs_attention
        case "enabled":
            return row.status is Status.ENABLED
        case "disabled":
            return row.status is Status.DISABLED
        case _:
            return True


def _has(row: VisibleWebhook, text: str) -> bool:
    wanted = text.lower()
    return not wanted or any(
        wanted in each.lower()
        for each in (row.name, host_of(row.uri), row.scope, *(row.scopes or ()))
    )


def _failed(known: WebhookTraffic | None) -> int:
    """The id of a webhook's last record if that is no success; 0: there is none."""
    last = known.last if known else None
    return 0 if last is None or last.outcome is Outcome.DELIVERED else last.record_id


def _line(
    row: VisibleWebhook,
    health: HealthAtAGlance,
    known: WebhookTraffic | None,
    reasons: Mapping[int, str],
) -> WebhookLine:
    attempts = [bucket.sums.attempts for bucket in known.series.buckets] if known else []
    reason = reasons.get(_failed(known), "")
    return WebhookLine(
        row=row,
        host=host_of(row.uri),
        actions=action_names(row.actions),
        health=health.after(reason),
        traffic=known,
        spark=words.spark(attempts),
        reason=reason,
    )


def host_of(uri: str) -> str:
    """The scheme and authority of a URI, without credentials in its path or query."""
    return parse_uri(uri, max_length=0).origin
