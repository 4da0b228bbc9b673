"""The live view of a webhook that gets 1,000 deliveries a second: does the page stay usable?"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.alternating import Told
from benchmarks.harness.deliveries import REGISTRY, make_webhooks
from benchmarks.harness.installation import Installation, portcall_up
from benchmarks.harness.processes import cpu_s
from benchmarks.harness.report import Mode, Report, Target, percentiles
from benchmarks.harness.sink import Sink, running_sink
from benchmarks.harness.toolchains import ROOT, MissingError
from tests.browser.chromium import missing, running_browser
from tests.browser.visiting import House

if TYPE_CHECKING:
    from playwright.async_api import Page

TITLE = "The live view"
RATE = 1_000
SECONDS = 30
IN_FORCE_S = 2.0
MS = 1e-3
CLICK_EVERY_S = 1.0
MAX_ROWS = 101
"""A hundred, and one that is open or has the focus."""
_NOTE_LONG_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) longTasks.push(task.duration);
}).observe({ type: "longtask", buffered: true });
"""
# From the press to the next picture, as a person sees it.
_PRESS = """(selector) => new Promise((done) => {
  const began = performance.now();
  document.querySelector(selector).click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""


async def measure(mode: Mode, told: Told) -> Report:
    """Let a second's thousand deliveries go by while somebody watches and clicks."""
    if what := missing():
        raise MissingError(what)
    rate, seconds = mode.choose(RATE // 5, RATE), mode.choose(10, SECONDS)
    report = Report(parameters={"rate": rate, "seconds": seconds})
    with tempfile.TemporaryDirectory(prefix="portcall-watching-") as scratch:
        folder = Path(scratch)
        async with running_sink(folder / "sink") as sink, portcall_up(folder) as installation:
            with installation.open_store() as store:
                await asyncio.to_thread(make_webhooks, store, [f"{sink.url}/hook"])
            await asyncio.sleep(IN_FORCE_S)
            report.runs.append(await _watched(installation, sink, rate, seconds))
    told(str(report.runs[-1]))
    report.targets = _targets(report.runs[-1], rate)
    return report


async def _watched(
    installation: Installation, sink: Sink, rate: int, seconds: int
) -> dict[str, Any]:
    ready = installation.ready
    async with running_browser() as browser:
        house = House(browser, ready["management_url"])
        async with house.visit(ready["token"]) as page:
            await page.add_init_script(_NOTE_LONG_TASKS)
            await page.goto(f"/console/registries/{REGISTRY}/webhooks/hook00000")
            await page.get_by_text("Live", exact=True).wait_for()
            emitting = await _emit(installation, rate, seconds)
            management = installation.pids("management")
            before = await sink.requests()
            began, cpu = time.monotonic(), cpu_s(management)
            figures = await _clicked(page, seconds)
            took_s = time.monotonic() - began
            figures["deliveries_per_s"] = round((await sink.requests() - before) / took_s)
            figures["management_cpu_share"] = round((cpu_s(management) - cpu) / took_s, 3)
            figures["emit_exit"] = await emitting.wait()
            return figures


async def _emit(installation: Installation, rate: int, seconds: int) -> asyncio.subprocess.Process:
    words = (
        "emit",
        "--registry",
        REGISTRY,
        "--rate",
        str(rate),
        "--count",
        str(rate * seconds),
        "--batch",
        "50",
    )
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "portcall.cli.main", *words),
        env={"PYTHONPATH": str(ROOT), "PORTCALL_HOME": str(installation.home)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _clicked(page: "Page", seconds: int) -> dict[str, Any]:
    """Press the theme's button and open the newest row again and again; what that took."""
    pressed_s, opened_s, rows, said = [], [], 0, set[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(CLICK_EVERY_S)
        pressed_s.append(await page.evaluate(_PRESS, "#theme") * MS)
        rows = max(rows, await page.locator("tbody.record").count())
        said.add(await page.locator("#live-rate").text_content() or "")
        opener = page.get_by_role("button", name="Request and response").first
        if await opener.count():
            began = time.monotonic()
            await opener.click()
            await page.locator(".detail .pane").first.wait_for()
            opened_s.append(time.monotonic() - began)
            await page.locator("button[data-open][aria-expanded=true]").first.click()
    return {
        "rows_at_most": rows,
        "press_ms": percentiles(pressed_s, unit=MS),
        "open_a_row_ms": percentiles(opened_s, unit=MS) if opened_s else None,
        "long_tasks": await page.evaluate("longTasks.length"),
        "long_tasks_ms": await page.evaluate(
            "Math.round(longTasks.reduce((sum, each) => sum + each, 0))"
        ),
        "longest_task_ms": await page.evaluate("Math.round(Math.max(0, ...longTasks))"),
        "heap_mib": await page.evaluate("Math.round(performance.memory.usedJSHeapSize / 1048576)"),
        "updates_seen": len(said - {""}),
        "said": max(said, key=len),
    }


def _targets(run: dict[str, Any], rate: int) -> list[Target]:
    at = f"at {rate} deliveries a second"
    return [
        Target(
            f"what was delivered at {rate} a second",
            0.95 * rate,
            run["deliveries_per_s"],
            at_least=True,
        ),
        Target(
            f"different counts that the page showed {at}", 5, run["updates_seen"], at_least=True
        ),
        Target(f"rows of the page {at}", MAX_ROWS, run["rows_at_most"], at_least=False),
        Target(
            f"a press until it is seen {at}", 200, run["press_ms"]["p50"], at_least=False, unit="ms"
        ),
        Target(f"the longest task {at}", 200, run["longest_task_ms"], at_least=False, unit="ms"),
    ]
