"""The console's pages: 500 webhooks and 1,000,000 records beside an installation with nothing."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from benchmarks.harness.alternating import Told
from benchmarks.harness.deliveries import REGISTRY, make_webhooks
from benchmarks.harness.lab import Lab, open_lab
from benchmarks.harness.records import record_frames
from benchmarks.harness.report import Mode, Report, Target, percentiles
from benchmarks.harness.roles import TOKEN, Site
from benchmarks.harness.toolchains import MissingError
from portcall.runtime.clock import now_ms
from portcall.store.database.database import Database
from portcall.store.engine import Store
from portcall.store.traffic import rollups
from tests.browser.chromium import missing, running_browser
from tests.browser.visiting import House

if TYPE_CHECKING:
    from playwright.async_api import Page

    from portcall.store.records.appending import Position

TITLE = "The console's pages"
WEBHOOKS = 500
RECORDS = 1_000_000
DAY_US = 86_400_000_000
FRAMES = 100
"""Frames in one transaction: 6,400 records."""
WARM_UP = 3
STREAM = "benchmark"
MS = 1e-3
PAGES = {
    "overview": "",
    "overview, 7 days": "?range=7d",
    "registries": "/registries",
    "webhooks": f"/registries/{REGISTRY}",
    "webhook": f"/registries/{REGISTRY}/webhooks/hook00000",
    "webhook, filtered": f"/registries/{REGISTRY}/webhooks/hook00000?repository=team/app",
    "webhook, nothing fits": f"/registries/{REGISTRY}/webhooks/hook00000?status=5",
    "form": f"/registries/{REGISTRY}/webhooks/new",
}
_LOADED_MS = "performance.getEntriesByType('navigation')[0].loadEventEnd"
SLOWER_MS = 100.0
"""What a person does not notice; a page with 500 rows has more to say than an empty one."""


@dataclass(frozen=True, slots=True)
class Filled:
    """An installation with so much in it, at which somebody has signed in.

    Attributes:
        name: Of the installation.
        url: Of its console.
        page: A tab of theirs.
        answered_s: By page, the seconds until the last byte.
        loaded_s: By page, the seconds until the browser had it all.
    """

    name: str
    url: str
    page: "Page"
    answered_s: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in PAGES})
    loaded_s: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in PAGES})

    async def ask(self, name: str, http: aiohttp.ClientSession) -> None:
        """Ask for a page without a browser."""
        cookies = {each["name"]: each["value"] for each in await self.page.context.cookies()}
        began = time.monotonic()
        async with http.get(URL(self.url + PAGES[name], encoded=True), cookies=cookies) as response:
            await response.read()
            response.raise_for_status()
        self.answered_s[name].append(time.monotonic() - began)

    async def load(self, name: str) -> None:
        """Open a page in the browser."""
        await self.page.goto(self.url + PAGES[name], wait_until="load")
        self.loaded_s[name].append(await self.page.evaluate(_LOADED_MS) * MS)
        await self.page.goto("about:blank")  # its live rows end


async def measure(mode: Mode, told: Told) -> Report:
    """Fill one installation, leave the other empty, and open their pages in turn."""
    if what := missing():
        raise MissingError(what)
    records = mode.choose(RECORDS // 10, RECORDS)
    rounds = mode.choose(10, 40)
    report = Report(parameters={"webhooks": WEBHOOKS, "records": records, "rounds": rounds})
    async with open_lab() as lab, AsyncExitStack() as stack:
        browser = await stack.enter_async_context(running_browser())
        sites = [
            await _opened(stack, House, browser, await _site(lab, name, webhooks, count, told))
            for name, webhooks, count in (("empty", 1, 0), ("full", WEBHOOKS, records))
        ]
        await _open_in_turn(sites, rounds)
    for name in PAGES:
        figures = {
            f"{site.name}_{kind}_ms": percentiles(times[name], unit=MS)
            for site in sites
            for kind, times in (("answered", site.answered_s), ("loaded", site.loaded_s))
        }
        report.runs.append({"page": name, **figures})
        told(f"{name}: { {kind: each['p50'] for kind, each in figures.items()} }")
    report.targets = [_target(run) for run in report.runs]
    return report


async def _site(lab: Lab, name: str, webhooks: int, records: int, told: Told) -> Site:
    site = Site.make(lab, name)
    site.settings["PORTCALL_MANAGEMENT_BIND"] = "127.0.0.1:0"
    site.settings["PORTCALL_MANAGEMENT_TLS_BIND"] = "none"
    site.settings["PORTCALL_RECORD_RETENTION"] = "30d"
    await site.apply_topology()
    began = time.monotonic()
    await asyncio.to_thread(_fill, site, [f"{lab.sink.url}/hook"] * webhooks, records)
    told(f"{name}: {records:,} records written and added up in {time.monotonic() - began:.1f} s")
    return site


def _fill(site: Site, uris: Sequence[str], records: int) -> None:
    """Have records of a day, half of them of the first webhook, added up as the recorder does."""
    with site.open_store() as store:
        ids = make_webhooks(store, uris)
        _append(store, [each for other in ids for each in (ids[0], other)], records)
    database = Database(site.database_url)
    while rollups.advance(database, now_ms=now_ms()):
        pass
    database.close()


def _append(store: Store, webhook_ids: list[int], records: int) -> None:
    position: Position | None = None
    offset = 0
    frames: Iterator[object] = iter(())
    if records:
        every_us = DAY_US // records
        frames = record_frames(
            0, records, webhook_ids, began_ms=now_ms() - DAY_US // 1000, every_us=every_us
        )
    while chunk := list(islice(frames, FRAMES)):
        position = store.eventlog.append(STREAM, position, list(enumerate(chunk, start=offset)))
        offset += len(chunk)


async def _opened(
    stack: AsyncExitStack, house_of: type[House], browser: object, site: Site
) -> Filled:
    (role,) = await stack.enter_async_context(site.roles("management", 1))
    origin = role.urls["management"]
    page = await stack.enter_async_context(house_of(browser, origin).visit(TOKEN))
    return Filled(site.folder.name, f"{origin}/console", page)


async def _open_in_turn(sites: Sequence[Filled], rounds: int) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        for number in range(WARM_UP + rounds):
            if number == WARM_UP:
                for site in sites:
                    for times in (*site.answered_s.values(), *site.loaded_s.values()):
                        times.clear()
            for name in PAGES:
                for site in sites if number % 2 else reversed(sites):
                    await site.ask(name, http)
                    await site.load(name)


def _target(run: dict[str, object]) -> Target:
    full, empty = run["full_loaded_ms"], run["empty_loaded_ms"]
    assert isinstance(full, dict) and isinstance(empty, dict)  # noqa: S101, PT018 (percentiles)
    return Target(
        f"{run['page']}: how much later it is there than at an empty installation",
        SLOWER_MS,
        round(full["p50"] - empty["p50"], 1),
        at_least=False,
        unit="ms",
    )
