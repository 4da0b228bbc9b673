"""list-events: the first page by the number of records in the store, in Python and by HTTP."""

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.harness.alternating import Told
from benchmarks.harness.deliveries import REGISTRY, make_webhooks
from benchmarks.harness.lab import Lab, open_lab
from benchmarks.harness.postgres import private_postgres
from benchmarks.harness.records import record_frames
from benchmarks.harness.report import Mode, Report, Target, percentiles
from benchmarks.harness.roles import TOKEN, Site
from benchmarks.harness.toolchains import MissingError
from portcall.store.engine import Store

if TYPE_CHECKING:
    from portcall.store.records.appending import Position

TITLE = "list-events"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
WEBHOOKS = 100
PAGE = 100
FRAMES = 100
"""Frames in one transaction: 6,400 records."""
WARM_UP = 20
ASKED = 200
KINDS = ("sqlite", "postgresql")
STREAM = "benchmark"
MS = 1e-3
API_VERSION = "2025-11-01"


@dataclass(frozen=True, slots=True)
class Log:
    """An event log of so many records, served by a management process.

    Attributes:
        records: How many.
        store: Where.
        webhook_ids: Whose records.
        base_url: Of the webhooks at the management API.
        page_s: The seconds of first pages that the store gave.
        http_page_s: The same by HTTP.
    """

    records: int
    store: Store
    webhook_ids: list[int]
    base_url: str
    page_s: list[float] = field(default_factory=list)
    http_page_s: list[float] = field(default_factory=list)

    def ask_store(self, webhook: int) -> None:
        """Ask the store for the first page of a webhook."""
        began = time.monotonic()
        self.store.eventlog.page(self.webhook_ids[webhook], before=None, limit=PAGE)
        self.page_s.append(time.monotonic() - began)

    async def ask_management(self, webhook: int, http: aiohttp.ClientSession) -> None:
        """Ask the management API for it."""
        began = time.monotonic()
        async with http.post(
            f"{self.base_url}/hook{webhook:05d}/listEvents",
            params={"api-version": API_VERSION},
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as response:
            await response.read()
            response.raise_for_status()
        self.http_page_s.append(time.monotonic() - began)

    def forget(self) -> None:
        """Forget the times so far: they were the warm-up."""
        self.page_s.clear()
        self.http_page_s.clear()


async def measure(mode: Mode, told: Told) -> Report:
    """Fill logs of each size in SQLite and in PostgreSQL, and ask them in turn for pages."""
    sizes = SIZES if mode.huge else SIZES[: mode.choose(2, 3)]
    report = Report(parameters={"sizes": sizes, "webhooks": WEBHOOKS, "page": PAGE})
    async with open_lab() as lab:
        for kind in KINDS:
            try:
                await _measure_kind(lab, kind, sizes, report, told)
            except MissingError as error:
                report.skipped[kind] = str(error)
    report.targets = _targets(report, sizes)
    return report


async def _measure_kind(
    lab: Lab, kind: str, sizes: tuple[int, ...], report: Report, told: Told
) -> None:
    async with AsyncExitStack() as stack:
        urls = dict.fromkeys(sizes, "")
        if kind == "postgresql":
            cluster = await stack.enter_async_context(private_postgres(lab.folder / "postgres"))
            urls = {size: cluster.create(f"log{size}") for size in sizes}
        logs = []
        for size, url in urls.items():
            site = Site.make(lab, f"{kind}{size}", url)
            logs.append(await _filled(stack, site, size, told))
        await _ask_in_turn(logs)
    for log in logs:
        figures = {
            "page_ms": percentiles(log.page_s, unit=MS),
            "http_page_ms": percentiles(log.http_page_s, unit=MS),
        }
        report.runs.append({"store": kind, "records": log.records, **figures})
        told(f"{kind}, {log.records:,} records: {figures}")


async def _filled(stack: AsyncExitStack, site: Site, records: int, told: Told) -> Log:
    site.settings["PORTCALL_MANAGEMENT_BIND"] = "127.0.0.1:0"
    site.settings["PORTCALL_MANAGEMENT_TLS_BIND"] = "none"
    await site.apply_topology()
    store = stack.enter_context(site.open_store())
    uris = [f"{site.lab.sink.url}/hook"] * WEBHOOKS
    webhook_ids = await asyncio.to_thread(make_webhooks, store, uris)
    began = time.monotonic()
    await asyncio.to_thread(fill, store, webhook_ids, records)
    told(f"{records:,} records written in {time.monotonic() - began:.1f} s")
    (role,) = await stack.enter_async_context(site.roles("management", 1))
    subscription = (await asyncio.to_thread(store.installation.get)).subscription
    base_url = (
        f"{role.urls['management']}/subscriptions/{subscription}/resourceGroups/portcall/providers"
        f"/Microsoft.ContainerRegistry/registries/{REGISTRY}/webhooks"
    )
    return Log(records, store, webhook_ids, base_url)


def fill(store: Store, webhook_ids: list[int], records: int) -> None:
    """Append so many records, as the recorder does."""
    position: Position | None = None
    offset = 0
    frames = record_frames(0, records, webhook_ids)
    while chunk := list(islice(frames, FRAMES)):
        position = store.eventlog.append(STREAM, position, list(enumerate(chunk, start=offset)))
        offset += len(chunk)


async def _ask_in_turn(logs: list[Log]) -> None:
    chosen = random.Random(1)  # noqa: S311 (the same order every time)
    async with aiohttp.ClientSession() as http:
        for number in range(WARM_UP + ASKED):
            if number == WARM_UP:
                for log in logs:
                    log.forget()
            webhook = chosen.randrange(WEBHOOKS)
            for log in logs:
                await asyncio.to_thread(log.ask_store, webhook)
                await log.ask_management(webhook, http)


def _targets(report: Report, sizes: tuple[int, ...]) -> list[Target]:
    found = {(run["store"], run["records"]): run["http_page_ms"]["p50"] for run in report.runs}
    return [
        Target(
            f"first page at {size:,} records against {sizes[0]:,}, {kind}",
            1.5,
            round(found[kind, size] / found[kind, sizes[0]], 3),
            at_least=False,
        )
        for kind in KINDS
        for size in sizes[1:]
        if (kind, size) in found
    ]
