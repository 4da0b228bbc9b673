"""The overview: the present state of the installation, and its history."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from portcall.management.console.pages import HEADERS, Pages
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import invalid_parameter
from portcall.management.http.routes import CONSOLE, Routes
from portcall.management.overview.pulse import Pulse, Sick, Snapshot
from portcall.runtime.clock import now_ms
from portcall.schemas.durations import format_duration
from portcall.store.engine import Store
from portcall.store.errors import StoreUnavailableError
from portcall.store.traffic.traffic import Bucket, Series
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.summaries import FAILING_AFTER_MS, KnownWebhook

RANGES = {"15m": 900, "1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
"""Ranges of the charts, in seconds."""
DEFAULT_RANGE = "1h"
FAILING_FRESH_MS = 5_000
"""The store reads all webhooks for it, so not at every look."""
MAX_SICK = 20
"""Endpoints that are listed; of the rest only the number is shown."""


@dataclass(frozen=True, slots=True)
class SickEndpoint:
    """A paused endpoint.

    Attributes:
        webhook: The webhook.
        until_ms: The end of the pause.
    """

    webhook: KnownWebhook
    until_ms: int


@dataclass(frozen=True, slots=True)
class PresentState:
    """The present state on the page.

    Attributes:
        snapshot: The state of the installation.
        sick: The paused endpoints, up to `MAX_SICK`.
        more_sick: The number of the others.
        rungs: The waiting deliveries by the delay of the rung.
        disabled: Webhooks that were disabled automatically, the newest first, up to `MAX_SICK`.
        disabled_count: The number of all of them.
        failing: Enabled ones of which every attempt fails, the longest first, up to `MAX_SICK`.
        failing_count: The number of all of them.
    """

    snapshot: Snapshot
    sick: Sequence[SickEndpoint]
    more_sick: int
    rungs: Sequence[tuple[str, int]]
    disabled: Sequence[KnownWebhook] = ()
    disabled_count: int = 0
    failing: Sequence[KnownWebhook] = ()
    failing_count: int = 0

    @property
    def attention(self) -> int:
        """The number of problems: webhooks, and each queue whose messages stay in it."""
        queues = sum(count > 0 for count in (self.snapshot.dead, self.snapshot.unrouted))
        return self.disabled_count + self.failing_count + queues


class OverviewPages:
    """The pages of the installation as a whole.

    Args:
        pages: Renders.
        store: The sums.
        pulse: The present state.
    """

    def __init__(self, *, pages: Pages, store: Store, pulse: Pulse) -> None:
        self._pages = pages
        self._store = store
        self._pulse = pulse
        self._looked_at = -1
        self._found: Sequence[KnownWebhook] = ()
        self._rows: Mapping[int, KnownWebhook] = {}
        self._failing: tuple[Sequence[KnownWebhook], int] = ((), 0)
        self._failing_at_ms = 0

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", CONSOLE, self.page)
        routes.add("GET", f"{CONSOLE}/overview/now", self.now)
        routes.add("GET", f"{CONSOLE}/overview/series", self.series)

    async def page(self, call: Call) -> web.Response:
        """GET the page."""
        registries, webhooks, is_quiet = await asyncio.to_thread(self._standing)
        return self._pages.page(
            call,
            "overview.html",
            now_is=await self._now(),
            ranges=list(RANGES),
            chosen=_range(call),
            registries=registries,
            webhooks=webhooks,
            is_quiet=is_quiet,
        )

    async def now(self, call: Call) -> web.Response:
        """GET the part that refreshes itself."""
        return self._pages.page(call, "overview-now.html", now_is=await self._now())

    async def series(self, call: Call) -> web.Response:
        """GET the charts' data, as columns of numbers; a null is a gap."""
        chosen = _range(call)
        until_ms = now_ms()
        found = await asyncio.to_thread(
            self._store.traffic.series,
            since_ms=until_ms - RANGES[chosen] * 1000,
            until_ms=until_ms,
        )
        response = answer(columns(found, until_ms))
        response.headers.update(HEADERS)
        return response

    def _standing(self) -> tuple[list[Registry], int, bool]:
        """The resources, and whether there is no event yet: then the page says how to begin."""
        registries = self._store.registries.list()
        webhooks = sum(self._store.webhooks.count(each.key) for each in registries)
        until_ms = now_ms()
        week = self._store.traffic.series(
            since_ms=until_ms - RANGES["7d"] * 1000, until_ms=until_ms
        )
        return registries, webhooks, not webhooks or not week.total.attempts

    async def _now(self) -> PresentState:
        snapshot = await self._pulse.look()
        disabled = await asyncio.to_thread(self._disabled)
        failing, failing_count = await asyncio.to_thread(self._those_failing)
        return PresentState(
            failing=failing,
            failing_count=failing_count,
            disabled=disabled[:MAX_SICK],
            disabled_count=len(disabled),
            snapshot=snapshot,
            sick=await self._sick(snapshot.sick),
            more_sick=max(len(snapshot.sick) - MAX_SICK, 0),
            rungs=[(format_duration(rung.delay_ms), rung.frames) for rung in snapshot.rungs],
        )

    def _disabled(self) -> Sequence[KnownWebhook]:
        """Webhooks that were disabled automatically; read again when the revision has changed.

        While the store is unreachable, the last result.
        """
        with suppress(StoreUnavailableError):
            revision = self._store.webhooks.revision()
            if revision != self._looked_at:
                found = self._store.known.disabled_by_themselves()
                self._found = sorted(found, key=lambda each: -each.changed_ms)
                self._looked_at = revision
        return self._found

    def _those_failing(self) -> tuple[Sequence[KnownWebhook], int]:
        """Webhooks of which every attempt fails, and their number; read again after a while.

        While the store is unreachable, the last result.
        """
        at_ms = now_ms()
        if at_ms - self._failing_at_ms >= FAILING_FRESH_MS:
            with suppress(StoreUnavailableError):
                self._failing = self._store.known.failing(at_ms - FAILING_AFTER_MS, MAX_SICK)
                self._failing_at_ms = at_ms
        return self._failing

    async def _sick(self, sick: Sequence[Sick]) -> list[SickEndpoint]:
        named = sick[:MAX_SICK]
        if not named:
            return []
        ids = [each.webhook_id for each in named]
        with suppress(StoreUnavailableError):
            self._rows = await asyncio.to_thread(self._store.known.by_ids, ids)
        return [
            SickEndpoint(self._rows[each.webhook_id], each.until_ms)
            for each in named
            if each.webhook_id in self._rows
        ]


def columns(series: Series, until_ms: int) -> dict[str, object]:
    """A series as columns; the current bucket is left out, because its sums still grow."""
    step_s = series.step_s
    buckets = [each for each in series.buckets if each.start_ms + step_s * 1000 <= until_ms]
    return {
        "step": step_s,
        "at": [bucket.start_ms // 1000 for bucket in buckets],
        "events": [_rate(bucket.sums.events, step_s) for bucket in buckets],
        "attempts": [_rate(bucket.sums.attempts, step_s) for bucket in buckets],
        "failed": [_rate(bucket.sums.failed, step_s) for bucket in buckets],
        "success": [_percent(bucket) for bucket in buckets],
        "p50": [_rounded(bucket.sums.latency.p50_ms) for bucket in buckets],
        "p95": [_rounded(bucket.sums.latency.p95_ms) for bucket in buckets],
        "p99": [_rounded(bucket.sums.latency.p99_ms) for bucket in buckets],
    }


def _range(call: Call) -> str:
    chosen = call.parameter("range") or DEFAULT_RANGE
    if chosen not in RANGES:
        raise invalid_parameter("range", f"must be one of {', '.join(RANGES)}")
    return chosen


def _rate(number: int, step_s: int) -> float:
    return round(number / step_s, 3)


def _percent(bucket: Bucket) -> float | None:
    share = bucket.sums.success_rate
    return None if share is None else round(share * 100, 2)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
