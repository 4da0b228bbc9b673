"""Lists: registries, and the webhooks of one, each with how it does."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from yarl import URL

from management.console import words
from management.pulse import Pulse
from schemas.webhooks import Cause, Status, action_names
from store.engine import Store
from store.registries import Registry
from store.traffic import Sums, WebhookTraffic
from store.webhookrow import WebhookRow

DAY_MS = 86_400_000
MAX_WEBHOOKS = 1000
"""More than any SKU allows."""
ENOUGH = 20
"""Attempts in a day from which on a share of them says something."""
STRAINED_BELOW = 0.9
FAILING_AFTER_MS = 60_000
"""One failure is none: the next attempt may succeed."""
SHOWN = ("", "attention", "enabled", "disabled")
"""What a list can be narrowed to; empty: everything."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a webhook is, at a glance.

    Attributes:
        tone: ``good``, ``warn``, ``bad`` or ``mute``.
        word: In a word or two.
        why: In a sentence; empty: there is nothing to say.
        since_ms: Since when; 0: that does not matter.
    """

    tone: str
    word: str
    why: str = ""
    since_ms: int = 0

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look."""
        return self.tone in ("bad", "warn")


@dataclass(frozen=True, slots=True)
class WebhookLine:
    """One webhook in a list.

    Attributes:
        row: The webhook.
        host: The host that it leads to; who only reads sees no more of its URI.
        actions: Its actions.
        health: How it is.
        traffic: What happened in the last day; None: that is not known.
        spark: The points of a line through the attempts of the day.
    """

    row: WebhookRow
    host: str
    actions: Sequence[str]
    health: Health
    traffic: WebhookTraffic | None
    spark: str


@dataclass(frozen=True, slots=True)
class RegistryLine:
    """One registry in a list.

    Attributes:
        registry: The registry.
        webhooks: How many it has.
        total: What happened in the last day.
        spark: The points of a line through the events of the day.
    """

    registry: Registry
    webhooks: int
    total: Sums
    spark: str


@dataclass(frozen=True, slots=True)
class Lists:
    """Makes lists.

    Attributes:
        store: Knows what there is.
        pulse: Knows which endpoints are left alone.
        clock_ms: The time, milliseconds since the epoch.
    """

    store: Store
    pulse: Pulse
    clock_ms: Callable[[], int]

    async def registries(self) -> list[RegistryLine]:
        """Every registry, by name."""
        return await asyncio.to_thread(self._registries)

    async def webhooks(self, registry: Registry) -> list[WebhookLine]:
        """Every webhook of a registry, by name."""
        return await asyncio.to_thread(self._webhooks, registry.key)

    async def webhook(self, row: WebhookRow) -> WebhookLine:
        """One webhook."""
        return (await asyncio.to_thread(self._lines, row.registry.lower(), [row], [row.id]))[0]

    def _registries(self) -> list[RegistryLine]:
        until_ms = self.clock_ms()
        lines = []
        for registry in self.store.registries.list():
            series = self.store.traffic.series(
                since_ms=until_ms - DAY_MS, until_ms=until_ms, registry=registry.key
            )
            spark = words.spark([bucket.sums.events for bucket in series.buckets])
            number = self.store.webhooks.count(registry.key)
            lines.append(RegistryLine(registry, number, series.total, spark))
        return lines

    def _webhooks(self, registry: str) -> list[WebhookLine]:
        rows = self.store.webhooks.list(registry, limit=MAX_WEBHOOKS)
        return self._lines(registry, rows, None)

    def _lines(
        self, registry: str, rows: Sequence[WebhookRow], ids: Sequence[int] | None
    ) -> list[WebhookLine]:
        until_ms = self.clock_ms()
        traffic = self.store.traffic.of_webhooks(
            registry, since_ms=until_ms - DAY_MS, until_ms=until_ms, webhook_ids=ids
        )
        sick = {each.webhook_id: each.until_ms for each in self.pulse.snapshot().sick}
        return [_line(row, traffic, sick, until_ms) for row in rows]


def health_of(row: WebhookRow, at_ms: int, held_until_ms: int = 0) -> Health:
    """How a webhook is.

    Args:
        row: The webhook.
        at_ms: The time, milliseconds since the epoch.
        held_until_ms: Until when its endpoint is left alone; 0: it is not.
    """
    if row.status is Status.DISABLED:
        if row.cause is Cause.OWNER:
            return Health("mute", "Disabled", since_ms=row.status_changed_ms)
        return Health("bad", "Disabled itself", row.status_reason, row.status_changed_ms)
    if held_until_ms:
        why = "Its endpoint keeps failing and is left alone for a while."
        return Health("bad", "Held back", why, row.failing_since_ms)
    if row.failing_since_ms and at_ms - row.failing_since_ms >= FAILING_AFTER_MS:
        return Health("warn", "Failing", "No attempt has succeeded since.", row.failing_since_ms)
    return Health("good", "Enabled")


def narrowed(lines: Sequence[WebhookLine], text: str, show: str) -> list[WebhookLine]:
    """The lines that somebody asked for.

    Args:
        lines: All of them.
        text: Part of the name, the host or the scope, in whatever case; empty: any.
        show: One of `SHOWN`; anything else: all.
    """
    wanted = text.lower()
    return [
        line
        for line in lines
        if _fits(line, show)
        and any(wanted in each.lower() for each in (line.row.name, line.host, line.row.scope))
    ]


def _fits(line: WebhookLine, show: str) -> bool:
    match show:
        case "attention":
            return line.health.needs_attention
        case "enabled":
            return line.row.status is Status.ENABLED
        case "disabled":
            return line.row.status is Status.DISABLED
        case _:
            return True


def _line(
    row: WebhookRow, traffic: Mapping[int, WebhookTraffic], sick: Mapping[int, int], at_ms: int
) -> WebhookLine:
    known = traffic.get(row.id)
    health = health_of(row, at_ms, sick.get(row.id, 0))
    if known and health.tone == "good":
        health = _strained(known.total) or health
    attempts = [bucket.sums.attempts for bucket in known.series.buckets] if known else []
    return WebhookLine(
        row=row,
        host=host_of(row.uri),
        actions=action_names(row.actions),
        health=health,
        traffic=known,
        spark=words.spark(attempts),
    )


def _strained(total: Sums) -> Health | None:
    """How a webhook is of which many attempts fail, though not all; None: they do not."""
    share = total.success_rate
    if share is None or total.attempts < ENOUGH or share >= STRAINED_BELOW:
        return None
    why = (
        f"{words.count(total.failed)} of {words.count(total.attempts)} attempts failed in 24 hours."
    )
    return Health("warn", "Strained", why)


def host_of(uri: str) -> str:
    """Scheme and authority of a URI, without the credentials that a path or a query may hold."""
    return str(URL(uri).origin())
